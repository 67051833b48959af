"""The API's objects as frozen values, which know nothing of JSON."""

# Source: the official OpenAPI document of "Get Group", and the pages of "Groups and Sections" and "Businesses".

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import field, frozen

from partoo_async._internal.reprs import few
from partoo_async._internal.schema import Model

if TYPE_CHECKING:
    from partoo_async._internal.business_models import Business, BusinessPage, BusinessSummary
    from partoo_async._internal.error_models import (
        BadRequestBody,
        BadRequestErrors,
        ForbiddenBody,
        ForbiddenErrors,
        UnauthenticatedBody,
        UnauthenticatedErrors,
    )

__all__ = [
    "BadRequestBody",
    "BadRequestErrors",
    "Business",
    "BusinessId",
    "BusinessPage",
    "BusinessSummary",
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


@frozen(eq=False, repr=False)
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
    business_ids: tuple[BusinessId, ...] = field(repr=few)


@frozen(eq=False, repr=False)
class GroupSummary(Model):
    """A group as its section lists it, without businesses. Its fields are those of ``Group``."""

    id: int
    name: str
    has_puller: bool


@frozen(eq=False, repr=False)
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
    groups: tuple[GroupSummary, ...] = field(repr=few)
    can_edit: bool
    has_puller: bool


@frozen(eq=False, repr=False)
class SectionPage(Model):
    """One page of sections.

    Attributes:
        sections: The sections of this page.
        page: Its number, from 1.
        max_page: The number of the last page.
        count: How many sections all pages have.
    """

    sections: tuple[Section, ...] = field(repr=few)
    # Not every response is documented to have them.
    page: int | None = None
    max_page: int | None = None
    count: int | None = None


if not TYPE_CHECKING:  # which would take any name for one of this module

    def __getattr__(name: str) -> Any:
        # Programs that read no businesses, or no error bodies, do not wait for their classes.
        if name in __all__:
            from importlib import import_module  # noqa: PLC0415 - at the top it would look like a name of this module

            home = "business_models" if name.startswith("Business") else "error_models"
            value = globals()[name] = getattr(import_module(f"partoo_async._internal.{home}"), name)
            return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
