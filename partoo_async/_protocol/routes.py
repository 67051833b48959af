"""The endpoints of the API, each written once."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from partoo_async._protocol.http import Request

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Route", "resource_path", "template_of"]


class Route:
    """An endpoint."""

    __slots__ = ("_format", "method", "path", "template")

    def __init__(self, method: str, path: str) -> None:
        self.method: str = method
        self.path: str = path  # below the base URL of the server, with the names of ids in braces
        self.template: str = f"{method} {path}"
        # ``%`` takes half the time of ``str.format``, and each call has to format its path.
        self._format: str = "/".join("%s" if part.startswith("{") else part for part in path.split("/"))

    def request(self, *ids: int | str, query: str = "", body: bytes | None = None) -> Request:
        """Return a request. The ids are in the order of the path: ints, or texts that are escaped already."""
        return Request(self.method, self._format % ids + query, body, self.template)


LIST_SECTIONS = Route("GET", "/sections")
CREATE_SECTION = Route("POST", "/sections")
GET_SECTION = Route("GET", "/sections/{section_id}")
UPDATE_SECTION = Route("POST", "/sections/{section_id}")
DELETE_SECTION = Route("DELETE", "/sections/{section_id}")
CREATE_GROUP = Route("POST", "/sections/{section_id}/groups")
GET_GROUP = Route("GET", "/sections/{section_id}/groups/{group_id}")
UPDATE_GROUP = Route("POST", "/sections/{section_id}/groups/{group_id}")
DELETE_GROUP = Route("DELETE", "/sections/{section_id}/groups/{group_id}")
SEARCH_BUSINESSES = Route("GET", "/business/search")
GET_BUSINESS = Route("GET", "/business/{business_id}")

_SECTIONS = [route.path.split("/") for route in (LIST_SECTIONS, GET_SECTION, CREATE_GROUP, GET_GROUP)]
_KNOWN = [*_SECTIONS, *(route.path.split("/") for route in (SEARCH_BUSINESSES, GET_BUSINESS))]


def template_of(method: str, path: str) -> str:
    """Return the template of a custom request, or ""."""
    # Of other paths it is not known which parts are ids. The first that fits counts.
    known = _find(path.split("/"), _KNOWN, bool)
    return f"{method} {'/'.join(known)}" if known else ""


def resource_path(path: str) -> str | None:
    """Return the plain path of a section, a group or a list of them, and None for any other path.

    ``/sections/07/groups/%34%32`` and ``/sections/7/groups/42/`` are the same to a server.
    """
    plain = path.partition("?")[0]
    # A gateway and a server behind it unescape twice.
    while (shorter := unquote(plain)) != plain:
        plain = shorter
    parts = [part.lstrip("0") or "0" if _is_number(part) else part for part in plain.split("/") if part]
    return "/".join(["", *parts]) if _find(["", *parts], _SECTIONS, _is_number) else None


def _find(parts: list[str], templates: list[list[str]], is_id: Callable[[str], bool]) -> list[str] | None:
    for names in templates:
        if len(names) == len(parts):
            for name, part in zip(names, parts, strict=True):
                if name != part and not (name.startswith("{") and is_id(part)):
                    break
            else:
                return names
    return None


def _is_number(part: str) -> bool:
    return part.isascii() and part.isdigit()
