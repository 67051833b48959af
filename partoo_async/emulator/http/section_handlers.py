"""The nine operations on sections and groups. Documentation: the pages of "Groups and Sections"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from partoo_async.emulator.data.business_index import BusinessIndex
from partoo_async.emulator.data.store import Store
from partoo_async.emulator.domain_errors import ForbiddenError, RefusedKeyError, UnknownError
from partoo_async.emulator.http import http_io
from partoo_async.emulator.http.group_json import group_json, section_json

if TYPE_CHECKING:
    from aiohttp import web

    from partoo_async.emulator.data.entities import EmulatedSection
    from partoo_async.emulator.data.keys import Caller

__all__ = ["SectionHandlers"]


def _success(new_id: int) -> web.Response:
    # Documented for the two creates. That the other writes send the same is an assumption.
    return http_io.json_response({"status": "success", "id": new_id})


@frozen
class SectionHandlers:
    """One method for each operation. ``http_io.routes_of`` finds them."""

    store: Store
    index: BusinessIndex

    # The framework tries the routes in this order, and clients get groups by the thousand.
    @http_io.serves("GET", "/sections/{section_id}/groups/{group_id}")
    async def get_group(self, request: web.Request) -> web.Response:
        """Handle GET /sections/{section_id}/groups/{group_id}."""
        caller = http_io.caller_of(request)
        section = self._reached_section(request, caller)
        group = self.store.group(section.id, http_io.path_id(request, "group_id"))
        return http_io.bytes_response(group_json(group, self.index.sent_ids(group, section.org_id, caller)))

    @http_io.serves("GET", "/sections")
    async def list_sections(self, request: web.Request) -> web.Response:
        """Handle GET /sections."""
        caller, behaviour = http_io.caller_of(request), self.store.behaviour
        size = http_io.per_page(request) if behaviour.list_per_page else 30
        # Documented: only a provider may name an organization; others get their own.
        org_id = caller.organization(http_io.query_int(request, "org_id", None))
        page = http_io.query_int(request, "page", 1)
        found = self.store.find_sections(org_id, request.query.get("group_name_query", ""))
        items, place = http_io.paginate(found, page, size, behaviour.page_past_end)
        sections = ",".join(section_json(section, caller, groups=behaviour.list_groups) for section in items)
        end = http_io.to_json(place)[1:] if behaviour.list_max_page else "}"
        return http_io.bytes_response(
            f'{{"sections":[{sections}]{"," if behaviour.list_max_page else ""}{end}'.encode()
        )

    @http_io.serves("GET", "/sections/{section_id}")
    async def get_section(self, request: web.Request) -> web.Response:
        """Handle GET /sections/{section_id}."""
        caller = http_io.caller_of(request)
        return http_io.bytes_response(section_json(self._reached_section(request, caller), caller).encode())

    @http_io.serves("POST", "/sections")
    async def create_section(self, request: web.Request) -> web.Response:
        """Handle POST /sections."""
        caller = self._require_writer(request)
        body = await http_io.json_body(request)
        org_id = caller.organization(http_io.optional_int(body, "org_id"))
        return _success(self.store.create_section(org_id, http_io.text(body, "name")))

    @http_io.serves("POST", "/sections/{section_id}")
    async def update_section(self, request: web.Request) -> web.Response:
        """Handle POST /sections/{section_id}, which renames it."""
        section = self._reached_section(request, self._require_writer(request))
        body = await http_io.json_body(request)
        self.store.rename_section(section.id, http_io.text(body, "name"))
        return _success(section.id)

    @http_io.serves("DELETE", "/sections/{section_id}")
    async def delete_section(self, request: web.Request) -> web.Response:
        """Handle DELETE /sections/{section_id}."""
        # Not documented as a page; assumed by analogy, since other pages speak of deleting sections.
        section = self._reached_section(request, self._require_writer(request))
        self.store.delete_section(section.id)
        return _success(section.id)

    @http_io.serves("POST", "/sections/{section_id}/groups")
    async def create_group(self, request: web.Request) -> web.Response:
        """Handle POST /sections/{section_id}/groups."""
        section = self._reached_section(request, self._require_writer(request))
        body = await http_io.json_body(request)
        # The documented trap: left out, the new group gets every business; only an empty array gives none.
        business_ids = http_io.id_list(body, "business__in") if "business__in" in body else None
        return _success(self.store.create_group(section.id, http_io.text(body, "name"), business_ids))

    @http_io.serves("POST", "/sections/{section_id}/groups/{group_id}")
    async def update_group(self, request: web.Request) -> web.Response:
        """Handle POST /sections/{section_id}/groups/{group_id}."""
        # Not documented as a page; seen in use. What the real API does if a field is left out is an open question.
        caller = self._require_writer(request)
        section, group_id = self._reached_section(request, caller), http_io.path_id(request, "group_id")
        body = await http_io.json_body(request)
        partial = self.store.behaviour.partial_update != "refused"
        name = None if partial and "name" not in body else http_io.text(body, "name")
        business_ids = None if partial and "business__in" not in body else http_io.id_list(body, "business__in")
        self.store.update_group(section.id, group_id, name, business_ids)
        return _success(group_id)

    @http_io.serves("DELETE", "/sections/{section_id}/groups/{group_id}")
    async def delete_group(self, request: web.Request) -> web.Response:
        """Handle DELETE /sections/{section_id}/groups/{group_id}."""
        section, group_id = (
            self._reached_section(request, self._require_writer(request)),
            http_io.path_id(request, "group_id"),
        )
        self.store.delete_group(section.id, group_id)
        return _success(group_id)

    def _reached_section(self, request: web.Request, caller: Caller) -> EmulatedSection:
        section = self.store.section(http_io.path_id(request, "section_id"))
        # A section of another organization gets the same response as one that does not exist.
        if not caller.reaches(section.org_id):
            raise UnknownError("section_id")
        return section

    def _require_writer(self, request: web.Request) -> Caller:
        # Checked before anything else about the request, its path and body included.
        caller = http_io.caller_of(request)
        if not caller.role_writes:
            raise ForbiddenError
        if not caller.may_write:
            raise RefusedKeyError(self.store.behaviour.restricted_key)
        return caller
