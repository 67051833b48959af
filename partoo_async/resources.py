"""The resources of the API as a client shows them: one method sends one operation."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from partoo_async._internal.reprs import total_repr
from partoo_async._protocol import operations
from partoo_async.errors import BadRequestError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from partoo_async.models import Group, Section, SectionPage
    from partoo_async.session import PartooSession

__all__ = ["MOST_WALKS", "Groups", "SectionWalk", "Sections"]

MOST_WALKS = 4
"""How often the pages of a list that keeps changing are read."""


@total_repr
class Groups:
    """The groups of sections: ``client.groups``.

    Every method raises ``ConfigurationError`` for a bad argument before anything is sent, and else the errors of
    ``partoo_async.errors``: by status, ``APIConnectionError``, ``QuotaExceededError``, ``DeadlineExceededError``.
    Ids are ints from 0 to 2**63 - 1 or strings of digits.
    """

    def __init__(self, session: PartooSession) -> None:
        self._session = session

    def __repr__(self) -> str:
        return f"<Groups of {self._session!r}>"

    async def get(self, section_id: int | str, group_id: int | str, *, fresh: bool = False) -> Group:
        """Return one group with its whole list of businesses.

        Calls for the same group that are under way at the same time share one request. ``fresh``: ask anew, and take
        no answer that was kept (``cache_ttl``) or asked for before.
        """
        return await self._session.send(operations.get_group(section_id, group_id), fresh=fresh)

    async def create(self, section_id: int | str, *, name: str, business_ids: Iterable[str]) -> int:
        """Create a group and return its id. ``name`` is unique and holds no ``,`` ``;`` ``/``.

        ``business_ids`` has no default: left out, the server would fill the group with every business.
        """
        return await self._session.send(operations.create_group(section_id, name=name, business_ids=business_ids))

    async def update(
        self, section_id: int | str, group_id: int | str, *, name: str, business_ids: Iterable[str]
    ) -> int:
        """Replace a group's name and its whole list of businesses; return its id.

        The API has no call to add or remove one business, and no versions: of two updates at once, the later wins.
        """
        return await self._session.send(
            operations.update_group(section_id, group_id, name=name, business_ids=business_ids)
        )

    async def delete(self, section_id: int | str, group_id: int | str) -> None:
        """Delete a group. One that is linked to a puller cannot be deleted (403)."""
        await self._session.send(operations.delete_group(section_id, group_id))


@total_repr
class Sections:
    """The sections of an organization: ``client.sections``. Errors and ids as for ``Groups``."""

    def __init__(self, session: PartooSession) -> None:
        self._session = session

    def __repr__(self) -> str:
        return f"<Sections of {self._session!r}>"

    async def get(self, section_id: int | str, *, fresh: bool = False) -> Section:
        """Return one section with the summaries of its groups. ``fresh``: as for ``Groups.get``."""
        return await self._session.send(operations.get_section(section_id), fresh=fresh)

    async def list(
        self, *, page: int = 1, org_id: int | str | None = None, group_name_query: str | None = None
    ) -> SectionPage:
        """Return one page of sections, from page 1. ``org_id`` is for keys of the PROVIDER role."""
        return await self._session.send(
            operations.list_sections(page=page, org_id=org_id, group_name_query=group_name_query)
        )

    async def iterate(
        self, *, org_id: int | str | None = None, group_name_query: str | None = None
    ) -> AsyncIterator[Section]:
        """Yield every section, page by page, each once.

        When the list changes meanwhile, which its ``count`` tells, the pages are read again, a few times at most: of a
        list that moves up, a section could have been missed.
        """
        seen: set[int] = set()
        before: list[int] = []
        for fresh in (False, *[True] * (MOST_WALKS - 1)):
            walk = SectionWalk(
                partial(self._session.send, fresh=fresh), org_id=org_id, group_name_query=group_name_query
            )
            async for section in walk.sections():
                if section.id not in seen:
                    seen.add(section.id)
                    yield section
            if walk.steady or [*walk.found] == before:
                return
            before = [*walk.found]

    async def create(self, *, name: str, org_id: int | str | None = None) -> int:
        """Create a section and return its id. ``org_id`` is for keys of the PROVIDER role."""
        return await self._session.send(operations.create_section(name=name, org_id=org_id))

    async def update(self, section_id: int | str, *, name: str) -> None:
        """Rename a section."""
        await self._session.send(operations.update_section(section_id, name=name))

    async def delete(self, section_id: int | str) -> None:
        """Delete a section. What becomes of its groups is not documented."""
        await self._session.send(operations.delete_section(section_id))


class SectionWalk:
    """One walk over all pages of sections. ``found``: the ids, in order; ``steady``: see there.

    It is not documented whether answers carry ``max_page``, nor what lies behind the last page. So the walk ends, too,
    at an empty page, at one that brings nothing new, and, where no ``max_page`` was sent, at one that is refused.
    """

    def __init__(
        self,
        send: Callable[[operations.Operation[SectionPage]], Awaitable[SectionPage]],
        *,
        org_id: int | str | None = None,
        group_name_query: str | None = None,
    ) -> None:
        self._send = send
        self._query = {"org_id": org_id, "group_name_query": group_name_query}
        self._counts: set[int | None] = set()
        self._pages = 0
        self.found: dict[int, None] = {}

    @property
    def steady(self) -> bool:
        """Whether the list stayed as it was meanwhile, as far as one can tell.

        When a section is deleted, those on later pages move up, and one of them is on no page that is still to be read.
        """
        return self._pages < 2 or self._counts == {None} or self._counts == {len(self.found)}

    async def sections(self) -> AsyncIterator[Section]:
        """Yield every section, page by page, each once."""
        page, pages = 1, None
        while True:
            try:
                answer = await self._send(operations.list_sections(page=page, **self._query))
            except (BadRequestError, NotFoundError):
                if page == 1 or pages is not None:
                    raise
                return
            pages = answer.max_page
            fresh = [section for section in answer.sections if section.id not in self.found]
            if answer.sections:
                self._pages = page
                self._counts.add(answer.count)
            for section in fresh:
                self.found[section.id] = None
                yield section
            if not fresh or (pages is not None and page >= pages):
                return
            page += 1
