"""Groups and sections: each method sends one operation, but ``Sections.iterate``, which walks over pages."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING

from partoo_async._protocol import operations
from partoo_async.resources.base import Resource
from partoo_async.resources.paging import PageWalk, each_once

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from partoo_async.models import Group, Section, SectionPage

__all__ = ["Groups", "Sections", "section_walk"]


class Groups(Resource):
    """The groups of sections: ``client.groups``. Source: the API's pages of "Groups and Sections".

    Ids are ints from 0 to 2**63 - 1, or strings of digits. Every method raises ``ConfigurationError`` for a bad
    argument before anything is sent; otherwise see ``partoo_async.errors``.
    """

    async def get(self, section_id: int | str, group_id: int | str, *, fresh: bool = False) -> Group:
        """Return one group with all of its businesses.

        Args:
            section_id: The section that it is in.
            group_id: The group.
            fresh: Send a request of its own, instead of sharing one in flight or using the cache (``cache_ttl``).

        Raises:
            NotFoundError: There is no such group. The documentation does not say with which status.
        """
        return await self._session.send(operations.get_group(section_id, group_id), fresh=fresh)

    async def create(self, section_id: int | str, *, name: str, business_ids: Iterable[str]) -> int:
        """Create a group.

        Args:
            section_id: The section to create it in.
            name: A unique name without ``,`` ``;`` ``/``.
            business_ids: Ids of its businesses. There is no default: the API's would be every business.

        Returns:
            The id of the group.
        """
        return await self._session.send(operations.create_group(section_id, name=name, business_ids=business_ids))

    async def update(
        self, section_id: int | str, group_id: int | str, *, name: str, business_ids: Iterable[str]
    ) -> int:
        """Replace a group's name and all of its businesses. Of two updates at once, the later wins.

        Args:
            section_id: The section that it is in.
            group_id: The group.
            name: As for ``create``.
            business_ids: Ids of all businesses that it shall have: the API cannot add or remove one.

        Returns:
            The id of the group.
        """
        return await self._session.send(
            operations.update_group(section_id, group_id, name=name, business_ids=business_ids)
        )

    async def delete(self, section_id: int | str, group_id: int | str) -> None:
        """Delete a group.

        Args:
            section_id: The section that it is in.
            group_id: The group.

        Raises:
            PermissionDeniedError: A feed fills it (``has_puller``), or the key may not write.
        """
        await self._session.send(operations.delete_group(section_id, group_id))


class Sections(Resource):
    """The sections of an organization: ``client.sections``. Ids, errors and source as for ``Groups``."""

    async def get(self, section_id: int | str, *, fresh: bool = False) -> Section:
        """Return one section with a summary of each of its groups.

        Args:
            section_id: The section.
            fresh: As for ``Groups.get``.

        Raises:
            NotFoundError: There is no such section.
        """
        return await self._session.send(operations.get_section(section_id), fresh=fresh)

    async def list(
        self, *, page: int = 1, org_id: int | str | None = None, group_name_query: str | None = None
    ) -> SectionPage:
        """Return one page of sections.

        Args:
            page: Its number, from 1.
            org_id: Another organization, for keys of the PROVIDER role.
            group_name_query: The API's filter by the names of groups.
        """
        return await self._session.send(
            operations.list_sections(page=page, org_id=org_id, group_name_query=group_name_query)
        )

    async def iterate(
        self, *, org_id: int | str | None = None, group_name_query: str | None = None
    ) -> AsyncIterator[Section]:
        """Yield each section of all pages once.

        Args:
            org_id: Another organization, for keys of the PROVIDER role.
            group_name_query: The API's filter by the names of groups.
        """

        def walk_of(again: bool) -> PageWalk[Section]:
            send = partial(self._session.send, fresh=again)
            return section_walk(send, org_id=org_id, group_name_query=group_name_query)

        async for section in each_once(walk_of, "sections"):
            yield section

    async def create(self, *, name: str, org_id: int | str | None = None) -> int:
        """Create a section.

        Args:
            name: A unique name without ``,`` ``;`` ``/``.
            org_id: As for ``list``.

        Returns:
            The id of the section.
        """
        return await self._session.send(operations.create_section(name=name, org_id=org_id))

    async def update(self, section_id: int | str, *, name: str) -> None:
        """Rename a section.

        Args:
            section_id: The section.
            name: A unique name without ``,`` ``;`` ``/``.
        """
        await self._session.send(operations.update_section(section_id, name=name))

    async def delete(self, section_id: int | str) -> None:
        """Delete a section.

        Args:
            section_id: The section. What becomes of its groups is not documented.
        """
        await self._session.send(operations.delete_section(section_id))


def section_walk(
    send: Callable[[operations.Operation[SectionPage]], Awaitable[SectionPage]],
    *,
    org_id: int | str | None = None,
    group_name_query: str | None = None,
) -> PageWalk[Section]:
    """Return a walk over all pages of sections."""

    def read(page: int) -> Awaitable[SectionPage]:
        return send(operations.list_sections(page=page, org_id=org_id, group_name_query=group_name_query))

    return PageWalk(read, attrgetter("sections"))
