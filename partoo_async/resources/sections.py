"""Groups and sections. Most methods send one operation; walks over pages and changes of a list send several."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING

from partoo_async._call.deadline import deadline
from partoo_async._internal.checks import check_business_ids
from partoo_async._internal.hints import to_iterate
from partoo_async._protocol import operations
from partoo_async._protocol.statuses import LOST_UPDATE, status_rule
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
            business_ids: Ids of all businesses that it shall have. To add or remove some, see ``add_businesses``.

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

    async def add_businesses(self, section_id: int | str, group_id: int | str, ids: Iterable[str]) -> Group:
        """Add businesses to a group: read it, write its whole list, and read it again.

        The API has no such call and no versions. If the second read lacks what was written, because another writer had
        an older list, the change is made once more. But whatever another writer does between the first read and the
        write is lost, and nothing tells. So let one program at a time write a group. After any error, call again: it
        begins by reading. Nothing is written if nothing is to be changed. The client's ``timeout`` bounds it all.

        Args:
            section_id: The section that it is in.
            group_id: The group.
            ids: Ids of businesses. Those that the group has already stay; with none, the group is only read.

        Returns:
            The group as it is now.

        Raises:
            PermissionDeniedError: An automated feed fills the group: no write was sent. Or the server refused it.
            LostUpdateError: The change was not there after the second write either. Says what is.
        """
        new = check_business_ids("ids", ids)
        return await self._change(section_id, group_id, lambda now: [*dict.fromkeys([*now, *new])])

    async def remove_businesses(self, section_id: int | str, group_id: int | str, ids: Iterable[str]) -> Group:
        """Remove businesses from a group: as ``add_businesses``, with the same errors, and what the API cannot promise.

        Args:
            section_id: The section that it is in.
            group_id: The group.
            ids: Ids of businesses. Those that the group does not have are ignored; with none, the group is only read.

        Returns:
            The group as it is now.
        """
        gone = set(check_business_ids("ids", ids))
        return await self._change(section_id, group_id, lambda now: [one for one in now if one not in gone])

    async def _change(
        self, section_id: int | str, group_id: int | str, changed: Callable[[Iterable[str]], list[str]]
    ) -> Group:
        # The change is there when making it changes nothing more.
        with deadline(self._session.settings.timeout):
            for writes_left in (2, 1, 0):
                group = await self.get(section_id, group_id, fresh=True)
                wanted = changed(group.business_ids)
                if set(wanted) == set(group.business_ids):
                    return group
                write = operations.update_group(
                    section_id, group_id, name=group.name, business_ids=wanted, as_read=True
                )
                route = write.request.route
                if group.has_puller:
                    why = "not sent, since an automated feed fills the group (has_puller)"
                    raise status_rule(403).make(403, None, route, detail=why)
                if writes_left:
                    await self._session.send(write)
        raise LOST_UPDATE.make(
            f"{route} was accepted twice, but the change is not there: does another program write this group?"
            f" It has {len(group.business_ids)} businesses now, see .business_ids",
            business_ids=group.business_ids,
        )


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

    @to_iterate
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
