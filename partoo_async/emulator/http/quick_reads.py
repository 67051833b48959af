"""The plain GET of a group, answered from its bytes: clients get groups by the thousand, and load tests by the million.

Nothing is decided here that is not decided elsewhere too: a request that is not plain in every way, or that would get
anything but a 200, goes the long way through the framework. Both ways send the same bytes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate

from aiohttp.http import SERVER_SOFTWARE
from attrs import define, field

from partoo_async._internal.reprs import total_repr
from partoo_async.emulator.data import lazy
from partoo_async.emulator.data.business_index import BusinessIndex
from partoo_async.emulator.data.keys import Caller
from partoo_async.emulator.data.store import Store
from partoo_async.emulator.http.group_json import group_json
from partoo_async.emulator.http.hosts import accepts_host
from partoo_async.emulator.http.request_log import RequestLog

__all__ = ["QuickReads", "is_one_get"]

_ROUTE = "/sections/{section_id}/groups/{group_id}"
_GET_GROUP = re.compile(rb"GET (/v2/sections/([0-9]{1,18})/groups/([0-9]{1,18})) HTTP/1\.1\r\n")
_HEADER = re.compile(r"([A-Za-z0-9-]+):[ \t]*([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)")
# Headers that change nothing about the response; all others go the long way, but for those that begin with X-.
_HARMLESS = frozenset(
    {"host", "accept", "accept-encoding", "accept-language", "user-agent", "traceparent", "tracestate", "baggage"}
)
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")
_MOST_HEADERS = 100
_LONGEST = 4096  # bytes
_MOST_HEADS = 256


def is_one_get(data: bytes) -> bool:
    """Whether these bytes are one whole GET without a body, and nothing else."""
    if not data.startswith(b"GET ") or not data.endswith(b"\r\n\r\n") or len(data) > _LONGEST:
        return False
    return _plain_headers(data.partition(b"\r\n")[2]) is not None


def _plain_headers(head: bytes) -> dict[str, str] | None:
    """Return the headers by their names in small letters; None if anything about them is unusual."""
    if not head.endswith(b"\r\n\r\n") or not head.isascii():
        return None
    lines = head[:-4].decode("ascii").split("\r\n")
    # An empty line would begin a second request.
    found = [_HEADER.fullmatch(line) for line in lines]
    headers = {match[1].lower(): match[2] for match in found if match is not None}
    if len(headers) != len(lines) or len(lines) > _MOST_HEADERS or not _HOST.fullmatch(headers.get("host", "")):
        return None
    return headers if all(name in _HARMLESS or name.startswith("x-") for name in headers) else None


@total_repr
@define(eq=False)
class QuickReads:
    """Answers the plain GET of a group. ``may_answer``: whether no fault could be played on it."""

    store: Store
    index: BusinessIndex
    log: RequestLog
    callers: Mapping[str, Caller]
    allowed_hosts: frozenset[str]
    may_answer: Callable[[], bool]
    # A client sends the same headers with each request: they are read once.
    _callers_by_head: dict[bytes, Caller | None] = field(init=False, factory=dict, repr=False)  # they hold keys
    _second: int = field(init=False, default=0)
    _head: bytes = field(init=False, default=b"")

    def answer(self, data: bytes) -> bytes | None:
        """Return the response to the bytes of a request, None if it has to go the long way."""
        match = _GET_GROUP.match(data)
        if match is None or len(data) > _LONGEST or not self.may_answer():
            return None
        received = time.monotonic()
        caller = self._caller(data[match.end() :])
        if caller is None:
            return None
        target, section_id, group_id = match.groups()
        section = self.store.sections.get(int(section_id))
        if section is None or not caller.reaches(section.org_id):
            return None
        try:
            group = lazy.peek(section.groups, int(group_id))
        except KeyError:
            return None
        body = group_json(group, self.index.sent_ids(group, section.org_id, caller))
        self.log.add_read((received, target.decode(), _ROUTE, caller.id))
        return self._head_for(len(body)) + body

    def _caller(self, head: bytes) -> Caller | None:
        try:
            return self._callers_by_head[head]
        except KeyError:
            if len(self._callers_by_head) >= _MOST_HEADS:
                self._callers_by_head.clear()
            caller = self._callers_by_head[head] = self._read_caller(head)
            return caller

    def _read_caller(self, head: bytes) -> Caller | None:
        headers = _plain_headers(head)
        if headers is None or not accepts_host(headers["host"], self.allowed_hosts):
            return None
        caller = self.callers.get(headers.get("x-apikey", ""))
        return None if caller is None or caller.key.expired or caller.key.ip_whitelist else caller

    def _head_for(self, length: int) -> bytes:
        now = int(time.time())
        if now != self._second:
            self._second = now
            self._head = (
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                f"Date: {formatdate(now, usegmt=True)}\r\nServer: {SERVER_SOFTWARE}\r\n\r\n"
            ).encode()
        return self._head % length
