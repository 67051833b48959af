"""The documented bodies of errors, which ``models`` loads when they are asked for."""

# Source: the official OpenAPI document of "Get Group".

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from partoo_async._internal.schema import Model

__all__ = [
    "BadRequestBody",
    "BadRequestErrors",
    "ForbiddenBody",
    "ForbiddenErrors",
    "UnauthenticatedBody",
    "UnauthenticatedErrors",
]


@frozen(eq=False, repr=False)
class BadRequestErrors(Model):
    """What a 400 found wrong."""

    # No inner shape is documented. Usually it holds field names and messages.
    json: Any = field(factory=dict)


@frozen(eq=False, repr=False)
class BadRequestBody(Model):
    """The documented body of a 400."""

    errors: BadRequestErrors = field(factory=BadRequestErrors)


@frozen(eq=False, repr=False)
class UnauthenticatedErrors(Model):
    """What a 401 found wrong."""

    authentication: str = "User not authenticated"


@frozen(eq=False, repr=False)
class UnauthenticatedBody(Model):
    """The documented body of a 401."""

    errors: UnauthenticatedErrors = field(factory=UnauthenticatedErrors)


@frozen(eq=False, repr=False)
class ForbiddenErrors(Model):
    """What a 403 found wrong."""

    authorization: str = "Operation not allowed"


@frozen(eq=False, repr=False)
class ForbiddenBody(Model):
    """The documented body of a 403."""

    errors: ForbiddenErrors = field(factory=ForbiddenErrors)
