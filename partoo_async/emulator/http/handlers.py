"""The nine operations on sections and groups: read the request, ask the store, write the answer, nothing else.

Paths and bodies: the pages of "Groups and Sections" in the API reference. Two of them are not documented and stand
on what others were seen to do or on analogy: updating a group, deleting a section.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web
from attrs import frozen

from partoo_async.emulator.data import lazy
from partoo_async.emulator.data.business_index import Directory
from partoo_async.emulator.data.store import Store
from partoo_async.emulator.domain_errors import ForbiddenError, RefusedKeyError, UnknownError
from partoo_async.emulator.http.http_io import (
    caller_of,
    id_list,
    json_answer,
    json_body,
    optional_int,
    path_id,
    per_page,
    query_int,
    query_org,
    text,
)

if TYPE_CHECKING:
    from partoo_async.emulator.data.entities import EmulatedSection
    from partoo_async.emulator.data.keys import Caller

__all__ = ["BASE_PATH", "Operations"]

BASE_PATH = "/v2"
"""What every path of the real API begins with."""


def _section(section: EmulatedSection, caller: Caller) -> dict[str, Any]:
    # The documented summary of a group: whoever wants its businesses has to ask for the group.
    groups = [
        {"id": group.id, "name": group.name, "has_puller": group.has_puller} for group in lazy.summaries(section.groups)
    ]
    return {
        "id": section.id,
        "name": section.name,
        "groups": groups,
        # Documented as what the caller may do, so it depends on the key, too.
        "can_edit": section.can_edit and caller.may_write,
        "has_puller": section.has_puller,
    }


def _success(thing_id: int) -> web.Response:
    return json_answer({"status": "success", "id": thing_id})


@frozen
class Operations:
    """One method per operation of the API, on one store."""

    store: Store
    directory: Directory

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of all operations, under the base path."""
        sections = f"{BASE_PATH}/sections"
        section = f"{sections}/{{section_id}}"
        groups = f"{section}/groups"
        group = f"{groups}/{{group_id}}"
        # No HEAD, which the framework would add to each GET: the API documents none.
        # The framework tries paths in this order, and clients ask for groups by the thousand.
        return [
            web.get(group, self.get_group, allow_head=False),
            web.get(sections, self.list_sections, allow_head=False),
            web.post(sections, self.create_section),
            web.get(section, self.get_section, allow_head=False),
            web.post(section, self.update_section),
            web.delete(section, self.delete_section),
            web.post(groups, self.create_group),
            web.post(group, self.update_group),
            web.delete(group, self.delete_group),
        ]

    async def list_sections(self, request: web.Request) -> web.Response:
        """Answer GET /sections; ``org_id`` counts for a provider only, others get their own organization's."""
        caller, behaviour = caller_of(request), self.store.behaviour
        size = per_page(request) if behaviour.list_per_page else 30
        org_id = caller.organization(query_org(request))
        page = self.store.page(org_id, query_int(request, "page", 1), size, request.query.get("group_name_query", ""))
        sections = [_section(section, caller) for section in page.items]
        if not behaviour.list_groups:
            for section in sections:
                del section["groups"]
        place = {"page": page.page, "max_page": page.max_page, "count": page.count}
        return json_answer({"sections": sections, **(place if behaviour.list_max_page else {})})

    async def get_section(self, request: web.Request) -> web.Response:
        """Answer GET /sections/{section_id}."""
        caller = caller_of(request)
        return json_answer(_section(self._reached(request, caller), caller))

    async def create_section(self, request: web.Request) -> web.Response:
        """Answer POST /sections; ``org_id`` counts for a provider only, the section of others is their own."""
        caller = self._writer(request)
        body = await json_body(request)
        org_id = caller.organization(optional_int(body, "org_id"))
        return _success(self.store.create_section(org_id, text(body, "name")))

    async def update_section(self, request: web.Request) -> web.Response:
        """Answer POST /sections/{section_id}, which renames it."""
        section = self._reached(request, self._writer(request))
        body = await json_body(request)
        self.store.rename_section(section.id, text(body, "name"))
        return _success(section.id)

    async def delete_section(self, request: web.Request) -> web.Response:
        """Answer DELETE /sections/{section_id}."""
        section = self._reached(request, self._writer(request))
        self.store.delete_section(section.id)
        return _success(section.id)

    async def get_group(self, request: web.Request) -> web.Response:
        """Answer GET /sections/{section_id}/groups/{group_id}."""
        caller = caller_of(request)
        section = self._reached(request, caller)
        group = self.store.group(section.id, path_id(request, "group_id"))
        return json_answer(
            {
                "id": group.id,
                "name": group.name,
                "has_puller": group.has_puller,
                "business_ids": self.directory.shown(group, section.org_id, caller),
            }
        )

    async def create_group(self, request: web.Request) -> web.Response:
        """Answer POST /sections/{section_id}/groups."""
        section = self._reached(request, self._writer(request))
        body = await json_body(request)
        # The documented trap: left out, the new group gets every business; only an empty array gives none.
        business_ids = id_list(body, "business__in") if "business__in" in body else None
        return _success(self.store.create_group(section.id, text(body, "name"), business_ids))

    async def update_group(self, request: web.Request) -> web.Response:
        """Answer POST /sections/{section_id}/groups/{group_id}.

        Both fields are required unless ``Behaviour.partial_update`` says otherwise: what the real API does without
        one is an open question, so no client may come to rely on an answer of the emulator.
        """
        caller = self._writer(request)
        section, group_id = self._reached(request, caller), path_id(request, "group_id")
        body = await json_body(request)
        partial = self.store.behaviour.partial_update != "refused"
        name = None if partial and "name" not in body else text(body, "name")
        business_ids = None if partial and "business__in" not in body else id_list(body, "business__in")
        self.store.update_group(section.id, group_id, name, business_ids)
        return _success(group_id)

    async def delete_group(self, request: web.Request) -> web.Response:
        """Answer DELETE /sections/{section_id}/groups/{group_id}."""
        caller = self._writer(request)
        section, group_id = self._reached(request, caller), path_id(request, "group_id")
        self.store.delete_group(section.id, group_id)
        return _success(group_id)

    def _reached(self, request: web.Request, caller: Caller) -> EmulatedSection:
        """Return the section of the path; one of another organization is as unknown as one that is not there."""
        section = self.store.section(path_id(request, "section_id"))
        if not caller.reaches(section.org_id):
            raise UnknownError("section_id")
        return section

    def _writer(self, request: web.Request) -> Caller:
        """Return who asks for a change, before anything else about it is looked at."""
        caller = caller_of(request)
        if not caller.role_writes:
            raise ForbiddenError
        if not caller.may_write:
            raise RefusedKeyError(self.store.behaviour.restricted_key)
        return caller
