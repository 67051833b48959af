"""What the API speaks of, as frozen values. They know nothing of JSON; ``_protocol`` does.

Field names, types and the defaults of the error schemas: the official OpenAPI document of "Get Group" and the pages
of "Groups and Sections".
"""

from __future__ import annotations

from typing import Any, TypeAlias

from attrs import field, frozen

from partoo_async._internal.schema import Model

__all__ = [
    "BadRequestBody",
    "BadRequestErrors",
    "BusinessId",
    "ForbiddenBody",
    "ForbiddenErrors",
    "Group",
    "GroupSummary",
    "Section",
    "SectionPage",
    "UnauthenticatedBody",
    "UnauthenticatedErrors",
]

BusinessId: TypeAlias = str
"""An opaque string. Most have 24 hexadecimal digits, but the official example itself has two of 23."""


@frozen
class Group(Model):
    """A group of business locations.

    ``has_puller``: an automated feed fills it, so that it cannot be changed or deleted through the API.
    ``business_ids``: the whole list; the API does not page it, and states no order.
    """

    id: int
    name: str
    has_puller: bool
    business_ids: tuple[BusinessId, ...]


@frozen
class GroupSummary(Model):
    """A group as its section lists it, without its businesses."""

    id: int
    name: str
    has_puller: bool


@frozen
class Section(Model):
    """A section: a named container of groups, such as "Country".

    ``can_edit``: whether this key may change or delete the section or one of its groups. ``has_puller``: an
    automated feed fills it.
    """

    id: int
    name: str
    groups: tuple[GroupSummary, ...]
    can_edit: bool
    has_puller: bool


@frozen
class SectionPage(Model):
    """One page of sections. ``page``, ``max_page`` and ``count`` are None when the server does not send them."""

    sections: tuple[Section, ...]
    page: int | None = None
    max_page: int | None = None
    count: int | None = None


@frozen
class BadRequestErrors(Model):
    """What a 400 found wrong. ``json`` has no documented inner shape: usually field names and messages."""

    json: Any = field(factory=dict)


@frozen
class BadRequestBody(Model):
    """The documented body of a 400."""

    errors: BadRequestErrors = field(factory=BadRequestErrors)


@frozen
class UnauthenticatedErrors(Model):
    """Why a 401 was given."""

    authentication: str = "User not authenticated"


@frozen
class UnauthenticatedBody(Model):
    """The documented body of a 401."""

    errors: UnauthenticatedErrors = field(factory=UnauthenticatedErrors)


@frozen
class ForbiddenErrors(Model):
    """Why a 403 was given."""

    authorization: str = "Operation not allowed"


@frozen
class ForbiddenBody(Model):
    """The documented body of a 403."""

    errors: ForbiddenErrors = field(factory=ForbiddenErrors)
