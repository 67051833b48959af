"""The plain GET of a group, answered from its bytes: clients get groups by the thousand, and load tests by the million.

Nothing is decided here that is not decided elsewhere too: a request that is not plain in every way, or that would get
anything but a 200, goes the long way through the framework. Both ways send the same bytes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sized
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
_VERSION = b" HTTP/1.1\r\n"
_GROUPS = re.compile(rb"GET /v2/sections/([0-9]{1,18})/groups")
_LONGEST_ID = 18  # digits
_HEADER = re.compile(r"([A-Za-z0-9-]+):[ \t]*([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)")
# Headers that change nothing about the response; all others go the long way, but for those that begin with X-.
_HARMLESS = frozenset(
    {"host", "accept", "accept-encoding", "accept-language", "user-agent", "traceparent", "tracestate", "baggage"}
)
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")
_MOST_HEADERS = 100
_LONGEST = 4096  # bytes
_MOST_KNOWN = 256


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
    """Answers the plain GET of a group, as long as there are no ``faults`` that could be played on it."""

    store: Store
    index: BusinessIndex
    log: RequestLog
    callers: Mapping[str, Caller]
    allowed_hosts: frozenset[str]
    faults: Sized
    # A client sends the same path, but for the group, and the same headers with each request: they are read once. Of
    # both the section and who asks, None for the long way. Not shown: headers hold keys.
    _known: dict[tuple[bytes, bytes], tuple[int, Caller] | None] = field(init=False, factory=dict, repr=False)
    _head: bytes = field(init=False, default=b"")
    _head_until: float = field(init=False, default=0.0)  # by the clock of the log

    def answer(self, data: bytes) -> bytes | None:
        """Return the response to the bytes of a request, None if it has to go the long way."""
        start, _, headers = data.partition(_VERSION)
        path, _, number = start.rpartition(b"/")
        if not number.isdigit() or len(number) > _LONGEST_ID or len(data) > _LONGEST or self.faults:
            return None
        received = time.monotonic()
        try:
            known = self._known[path, headers]
        except KeyError:
            known = self._read(path, headers)
        if known is None:
            return None
        section_id, caller = known
        section = self.store.sections.get(section_id)
        if section is None or not caller.reaches(section.org_id):
            return None
        try:
            group = lazy.peek(section.groups, int(number))
        except KeyError:
            return None
        body = group_json(group, self.index.sent_ids(group, section.org_id, caller))
        self.log.add_read((received, start[4:].decode(), _ROUTE, caller.id))
        if received >= self._head_until:
            self._renew_head(received)
        return self._head % len(body) + body

    def _read(self, path: bytes, headers: bytes) -> tuple[int, Caller] | None:
        match = _GROUPS.fullmatch(path)
        if match is None:
            return None
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        caller = self._caller(headers)
        known = self._known[path, headers] = None if caller is None else (int(match[1]), caller)
        return known

    def _caller(self, head: bytes) -> Caller | None:
        headers = _plain_headers(head)
        if headers is None or not accepts_host(headers["host"], self.allowed_hosts):
            return None
        caller = self.callers.get(headers.get("x-apikey", ""))
        return None if caller is None or caller.key.expired or caller.key.ip_whitelist else caller

    def _renew_head(self, received: float) -> None:
        now = time.time()
        # Until the next second begins, which the date shows.
        self._head_until = received + 1 - now % 1
        self._head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
            f"Date: {formatdate(int(now), usegmt=True)}\r\nServer: {SERVER_SOFTWARE}\r\n\r\n"
        ).encode()
