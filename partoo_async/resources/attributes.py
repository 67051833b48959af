"""The resources of a client."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from partoo_async.resources.sections import Groups, Sections

if TYPE_CHECKING:
    from partoo_async.resources.businesses import Businesses
    from partoo_async.session import PartooSession

__all__ = ["Resources"]


class Resources:
    """What a client offers: an attribute for each resource."""

    def _use(self, session: PartooSession) -> None:
        self.session: PartooSession = session
        self.groups: Groups = Groups(session)
        self.sections: Sections = Sections(session)

    @cached_property
    def businesses(self) -> Businesses:
        """The businesses of the organization."""
        from partoo_async.resources.businesses import Businesses  # noqa: PLC0415 - many programs read none

        return Businesses(self.session)
