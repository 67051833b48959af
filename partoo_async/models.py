"""The API's objects as frozen values. They know nothing of JSON; ``_protocol`` does.

Source: the official OpenAPI document of "Get Group", and the pages of "Groups and Sections".
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
"""An opaque string. Most have 24 hexadecimal digits; the official example has two of 23."""


@frozen
class Group(Model):
    """A group of businesses.

    Attributes:
        id: The id.
        name: Unique; the documentation does not say where.
        has_puller: An automated feed fills it; it cannot be changed or deleted through the API.
        business_ids: All of its businesses.
    """

    id: int
    name: str
    has_puller: bool
    # The API does not page them, and states no order.
    business_ids: tuple[BusinessId, ...]


@frozen
class GroupSummary(Model):
    """A group as its section lists it, without businesses. Its fields are those of ``Group``."""

    id: int
    name: str
    has_puller: bool


@frozen
class Section(Model):
    """A named set of groups, such as "Country".

    Attributes:
        id: The id.
        name: Unique; the documentation does not say where.
        groups: Its groups.
        can_edit: Whether this key may change or delete the section and its groups.
        has_puller: An automated feed fills it.
    """

    id: int
    name: str
    groups: tuple[GroupSummary, ...]
    can_edit: bool
    has_puller: bool


@frozen
class SectionPage(Model):
    """One page of sections.

    Attributes:
        sections: The sections of this page.
        page: Its number, from 1.
        max_page: The number of the last page.
        count: How many sections all pages have.
    """

    sections: tuple[Section, ...]
    # Not every response is documented to have them.
    page: int | None = None
    max_page: int | None = None
    count: int | None = None


@frozen
class BadRequestErrors(Model):
    """What a 400 found wrong."""

    # No inner shape is documented. Usually it holds field names and messages.
    json: Any = field(factory=dict)


@frozen
class BadRequestBody(Model):
    """The documented body of a 400."""

    errors: BadRequestErrors = field(factory=BadRequestErrors)


@frozen
class UnauthenticatedErrors(Model):
    """What a 401 found wrong."""

    authentication: str = "User not authenticated"


@frozen
class UnauthenticatedBody(Model):
    """The documented body of a 401."""

    errors: UnauthenticatedErrors = field(factory=UnauthenticatedErrors)


@frozen
class ForbiddenErrors(Model):
    """What a 403 found wrong."""

    authorization: str = "Operation not allowed"


@frozen
class ForbiddenBody(Model):
    """The documented body of a 403."""

    errors: ForbiddenErrors = field(factory=ForbiddenErrors)
