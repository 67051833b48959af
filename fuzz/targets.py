# What is fuzzed: functions of bytes from outside. Each returns quietly, or raises, which is a finding.
from __future__ import annotations

import math
import pickle
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from partoo_async import APIResponseValidationError, Business, BusinessPage, ConfigurationError, Group
from partoo_async._protocol.decoding import Decoder
from partoo_async._protocol.error_bodies import decode_error_body, describe_errors
from partoo_async._protocol.http import Request
from partoo_async._protocol.json import InvalidJSONError
from partoo_async._protocol.operations import custom
from partoo_async._protocol.retry_after import parse_retry_after
from partoo_async._transport.body import TooLargeError, UnreadableError, read_body

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CAP = 1000


def retry_after(data: bytes) -> None:
    value, _, date = data.decode("latin-1").partition("\n")
    seconds = parse_retry_after(value, date or None, now=NOW)
    assert seconds is None or 0 <= seconds < math.inf


def error_body(data: bytes) -> None:
    for status in (400, 401, 403, 500):
        _, raw = decode_error_body(status, data)
        text = describe_errors(raw)
        assert text.isprintable()
        assert len(text) <= 300


def group(data: bytes) -> None:
    for strict in (True, False):
        try:
            value = Decoder(strict=strict).decode(data, Group, Request("GET", "/x"))
        except (InvalidJSONError, APIResponseValidationError):
            continue
        assert type(value.id) is int
        assert type(value.name) is str
        assert type(value.has_puller) is bool
        assert all(type(one) is str for one in value.business_ids)


def business(data: bytes) -> None:
    for strict in (True, False):
        try:
            value = Decoder(strict=strict).decode(data, Business, Request("GET", "/x"))
        except (InvalidJSONError, APIResponseValidationError):
            continue
        _check(value)


def businesses(data: bytes) -> None:
    for strict in (True, False):
        try:
            page = Decoder(strict=strict).decode(data, BusinessPage, Request("GET", "/x"))
        except (InvalidJSONError, APIResponseValidationError):
            continue
        assert all(type(number) in (int, type(None)) for number in (page.page, page.max_page, page.count))
        for one in page.businesses:
            _check(one)


def _check(value: Business) -> None:
    assert type(value.id) is str
    for text in (value.name, value.code, value.status, value.address, value.city, value.zipcode, value.country):
        assert type(text) in (str, type(None))
    for number in (value.lat, value.long, value.created, value.modified):
        assert number is None or (type(number) in (int, float) and math.isfinite(number))
    assert all(type(group_id) is int for group_id in value.groups)
    assert not {"id", "name", "groups"} & set(value.extra)
    if str({**value.extra}).count("[") + str({**value.extra}).count("{") < 150:  # nor does pickle like deeper nesting
        assert pickle.loads(pickle.dumps(value)) == value


class _Pieces:
    def __init__(self, data: bytes, size: int) -> None:
        self.pieces = [data[at : at + size] for at in range(0, len(data), size)]

    def is_eof(self) -> bool:
        return False

    def at_eof(self) -> bool:
        return not self.pieces

    def read_nowait(self) -> bytes:
        return b""

    async def readany(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    async def iter_any(self) -> Any:
        while self.pieces:
            yield self.pieces.pop(0)


def body(data: bytes) -> None:
    for encoding in ("", "gzip"):
        results = set()
        for size in (1, 7, 10_000):
            try:
                read_body(_Pieces(data, size), encoding, None, cap=CAP).send(None)
            except StopIteration as end:
                results.add(end.value)
            except (UnreadableError, TooLargeError):
                results.add("refused")  # for which of the two reasons depends on which is met first
        assert all(len(result) <= CAP for result in results)
        assert len(results) == 1, "how a body is cut into pieces makes a difference"


def path(data: bytes) -> None:
    try:
        made = custom("GET", data.decode("utf-8", "replace"), params=None, json=None, idempotent=None).request.path
    except ConfigurationError:
        return
    assert made.isascii()
    assert made.startswith("/")
    assert not made.startswith("//")
    assert not set("?#\\\r\n ") & set(made)
    for _ in range(5):
        segments = [one.partition(";")[0] for one in made.replace("\\", "/").split("/")]
        assert not {".", ".."} & set(segments)
        made = unquote(made)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "retry_after": retry_after,
    "error_body": error_body,
    "group": group,
    "business": business,
    "businesses": businesses,
    "body": body,
    "path": path,
}
