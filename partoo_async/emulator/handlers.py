"""The nine operations on sections and groups: read the request, ask the store, write the answer, nothing else.

Paths and bodies: the pages of "Groups and Sections" in the API reference. Two of them are not documented and stand
on what others were seen to do or on analogy: updating a group, deleting a section.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web
from attrs import frozen

from partoo_async.emulator.rules import InvalidError
from partoo_async.emulator.store import EmulatedGroup, EmulatedSection, Store
from partoo_async.emulator.wire import id_list, json_answer, json_body, path_id, query_int, text

__all__ = ["BASE_PATH", "Operations"]

BASE_PATH = "/v2"
"""What every path of the real API begins with."""


def _group(group: EmulatedGroup) -> dict[str, Any]:
    return {
        "id": group.id,
        "name": group.name,
        "has_puller": group.has_puller,
        "business_ids": group.business_ids,
    }


def _section(section: EmulatedSection) -> dict[str, Any]:
    # The documented summary of a group: whoever wants its businesses has to ask for the group.
    groups = [{"id": group.id, "name": group.name, "has_puller": group.has_puller} for group in section.groups.values()]
    return {
        "id": section.id,
        "name": section.name,
        "groups": groups,
        "can_edit": section.can_edit,
        "has_puller": section.has_puller,
    }


def _success(thing_id: int) -> web.Response:
    return json_answer({"status": "success", "id": thing_id})


@frozen
class Operations:
    """One method per operation of the API, on one store."""

    store: Store

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of all operations, under the base path."""
        sections = f"{BASE_PATH}/sections"
        section = f"{sections}/{{section_id}}"
        groups = f"{section}/groups"
        group = f"{groups}/{{group_id}}"
        # No HEAD, which the framework would add to each GET: the API documents none.
        return [
            web.get(sections, self.list_sections, allow_head=False),
            web.post(sections, self.create_section),
            web.get(section, self.get_section, allow_head=False),
            web.post(section, self.update_section),
            web.delete(section, self.delete_section),
            web.post(groups, self.create_group),
            web.get(group, self.get_group, allow_head=False),
            web.post(group, self.update_group),
            web.delete(group, self.delete_group),
        ]

    async def list_sections(self, request: web.Request) -> web.Response:
        """Answer GET /sections; ``org_id`` is ignored, as documented for every user that is not a PROVIDER."""
        per_page = query_int(request, "per_page", 30)
        if not 1 <= per_page <= 100:
            raise InvalidError("per_page", "Must be between 1 and 100.")
        page = self.store.page(query_int(request, "page", 1), per_page, request.query.get("group_name_query", ""))
        sections = [_section(section) for section in page.sections]
        return json_answer({"sections": sections, "page": page.page, "max_page": page.max_page, "count": page.count})

    async def get_section(self, request: web.Request) -> web.Response:
        """Answer GET /sections/{section_id}."""
        return json_answer(_section(self.store.section(path_id(request, "section_id"))))

    async def create_section(self, request: web.Request) -> web.Response:
        """Answer POST /sections."""
        body = await json_body(request)
        return _success(self.store.create_section(text(body, "name")))

    async def update_section(self, request: web.Request) -> web.Response:
        """Answer POST /sections/{section_id}, which renames it."""
        section_id = path_id(request, "section_id")
        body = await json_body(request)
        self.store.rename_section(section_id, text(body, "name"))
        return _success(section_id)

    async def delete_section(self, request: web.Request) -> web.Response:
        """Answer DELETE /sections/{section_id}."""
        section_id = path_id(request, "section_id")
        self.store.delete_section(section_id)
        return _success(section_id)

    async def get_group(self, request: web.Request) -> web.Response:
        """Answer GET /sections/{section_id}/groups/{group_id}."""
        group = self.store.group(path_id(request, "section_id"), path_id(request, "group_id"))
        return json_answer(_group(group))

    async def create_group(self, request: web.Request) -> web.Response:
        """Answer POST /sections/{section_id}/groups."""
        section_id = path_id(request, "section_id")
        body = await json_body(request)
        # The documented trap: left out, the new group gets every business; only an empty array gives none.
        business_ids = id_list(body, "business__in") if "business__in" in body else None
        return _success(self.store.create_group(section_id, text(body, "name"), business_ids))

    async def update_group(self, request: web.Request) -> web.Response:
        """Answer POST /sections/{section_id}/groups/{group_id}.

        Both fields are required here: what the real API does without one is an open question, so no client may
        come to rely on an answer of the emulator.
        """
        section_id, group_id = path_id(request, "section_id"), path_id(request, "group_id")
        body = await json_body(request)
        self.store.update_group(section_id, group_id, text(body, "name"), id_list(body, "business__in"))
        return _success(group_id)

    async def delete_group(self, request: web.Request) -> web.Response:
        """Answer DELETE /sections/{section_id}/groups/{group_id}."""
        section_id, group_id = path_id(request, "section_id"), path_id(request, "group_id")
        self.store.delete_group(section_id, group_id)
        return _success(group_id)
