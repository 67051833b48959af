"""Outcomes and businesses as JSON text or compact bytes, for the journal. Reading them runs no code."""

# Nearly every outcome is a group whose businesses have ids of 24 hexadecimal digits. These are most of the file, and
# take half as many bytes: the outcome is a JSON array of the rest, a line break, the time as a double, and the ids as
# bytes. Any other outcome is JSON text, as all were in the first format.

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard
from zlib import crc32

import attrs

from partoo_async import errors
from partoo_async._explain.facts import CallFacts, QuotaFacts
from partoo_async._explain.headers import Headers
from partoo_async._internal.text import shown
from partoo_async._internal.twins import twin_of
from partoo_async._protocol.converters import exact_hook
from partoo_async._protocol.error_bodies import decode_error_body
from partoo_async._protocol.json import decode_json, decode_short, encode_json
from partoo_async.errors import Attempt, PartooError
from partoo_async.models import Business, Group, GroupSummary
from partoo_async.scan.items import ScanFailure, ScanItem, ScanSuccess

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = [
    "NO_GROUP",
    "JournalError",
    "PackedRow",
    "Row",
    "checksum",
    "decode_business",
    "decode_outcome",
    "decode_row",
    "decode_rows",
    "encode_business",
    "encode_outcome",
    "is_packed",
    "mending",
    "outcome_checksum",
    "same_group",
    "summary_digests",
]

Row: TypeAlias = tuple[int, int, int, str | bytes, int]
"""Of the table of outcomes: section id, group id, whether it failed, the outcome, and the CRC-32 of these."""

PackedRow: TypeAlias = tuple[int, int, int, bytes, int]
"""Such a row of a group, whose outcome is compact bytes."""

# Stands in the tables for a group id of None: the outcome of a section that could not be read.
NO_GROUP = -1

_CLASSES: dict[str, type[PartooError]] = {
    name: cls
    for name in errors.__all__
    for cls in [getattr(errors, name)]
    if isinstance(cls, type) and issubclass(cls, PartooError)
}

_GroupTwin, _SuccessTwin = twin_of(Group), twin_of(ScanSuccess)
_DOUBLE = struct.Struct("<d")
_WITHOUT_PULLER, _WITH_PULLER = crc32(b"0 "), crc32(b"1 ")
_NOT_PACKED = (AttributeError, TypeError, ValueError, struct.error)
_GROUP_FIELDS = tuple(field.name for field in attrs.fields(Group))
_BUSINESS_FIELDS = tuple(field.name for field in attrs.fields(Business) if field.name != "extra")


class JournalError(Exception):
    """The journal could not be read or written."""


def encode_outcome(item: ScanItem) -> str | bytes:
    """Return an item without its ids: as compact bytes if it can be, else as JSON."""
    if item.error is None and (packed := _packed(item.group.business_ids)) is not None:
        group, (size, ids) = item.group, packed
        flags = group.has_puller + 2 * item.inferred
        head = encode_json([item.attempts, group.id, group.name, flags, size])
        return b"%b\n%b%b" % (head, _DOUBLE.pack(item.elapsed), ids)
    outcome: dict[str, Any] = {"attempts": item.attempts, "elapsed": item.elapsed}
    if item.error is None:
        # Not attrs.asdict, which visits every id: 450 us for 2,000 of them, where this takes 70.
        outcome["group"] = {name: getattr(item.group, name) for name in _GROUP_FIELDS}
        if item.inferred:
            outcome["inferred"] = True
    else:
        outcome["error"] = _plain_error(item.error)
    return encode_json(outcome).decode()


def _packed(ids: tuple[str, ...]) -> tuple[int, bytes] | None:
    """Return ids of hexadecimal digits as bytes, and how many bytes each has. None for any others."""
    if not ids or not (size := len(ids[0]) // 2):
        return None
    text = " ".join(ids)
    try:
        packed = bytes.fromhex(text)
    except ValueError:
        return None
    # That they come back says all: each is of this length, without a capital letter or a space.
    return (size, packed) if packed.hex(" ", size) == text else None


def checksum(*values: int | str | bytes) -> int:
    """Return the CRC-32 of what is recorded in a row: of its values, with spaces between."""
    # SQLite notices damage to its own structure only, not to the values.
    *keys, content = values
    before = crc32(" ".join([*map(str, keys), ""]).encode())
    return crc32(content if isinstance(content, bytes) else str(content).encode(), before)


def outcome_checksum(section_id: int, group_id: int, failed: int, outcome: str | bytes) -> int:
    """Return the ``checksum`` of an outcome, which there may be a million of."""
    content = outcome if type(outcome) is bytes else str(outcome).encode()
    return crc32(content, crc32(b"%d %d %d " % (section_id, group_id, failed)))


def summary_digests(summaries: Iterable[GroupSummary]) -> list[int]:
    """Return for each a CRC-32 that tells a group from another one that has its id later."""
    # Of "0 " or "1 " and the name, in one step for each of a million.
    try:
        return [crc32(one.name.encode(), _WITH_PULLER if one.has_puller else _WITHOUT_PULLER) for one in summaries]
    except UnicodeEncodeError:  # half a pair of surrogates, which makes all others slower
        return [
            crc32(one.name.encode("utf-8", "surrogatepass"), _WITH_PULLER if one.has_puller else _WITHOUT_PULLER)
            for one in summaries
        ]


def decode_rows(path: Path, rows: Sequence[Row], few: int) -> Iterator[Sequence[ScanItem]]:
    """Yield the outcomes of rows, so many at a time. Raises ``JournalError`` at one that is damaged."""
    for start in range(0, len(rows), few):
        part = rows[start : start + few]
        try:
            items = _unpacked(part)
        except _NOT_PACKED:  # such as a failure, or damage
            yield from ([decode_row(path, row)] for row in part)
        else:
            yield items


def decode_row(path: Path, row: Row) -> ScanItem:
    """Return the outcome of a row. Raises ``JournalError`` if it is damaged."""
    section_id, group_id, failed, outcome, recorded = row
    try:
        if outcome_checksum(section_id, group_id, failed, outcome) != recorded:
            raise ValueError("its checksum is wrong")
        return decode_outcome(section_id, None if group_id == NO_GROUP else group_id, outcome)
    except (TypeError, ValueError) as error:
        problem = str(error)
    where = f"section {section_id}" + ("" if group_id == NO_GROUP else f", group {group_id}")
    mend = mending(path, f"outcomes WHERE section_id = {section_id} AND group_id = {group_id}")
    raise JournalError(f"journal: {shown(path)} is damaged: the outcome of {where} cannot be read ({problem}); {mend}")


def mending(path: Path, row: str) -> str:
    """Return what to do about a row that is damaged, given as its table and where it is."""
    return " ".join(("'sqlite3", shown(path), '"DELETE FROM', row + "\"' removes it, then a resume reads it anew"))


def is_packed(row: Row) -> TypeGuard[PackedRow]:
    """Whether the outcome is a group as compact bytes, and is not damaged."""
    section_id, group_id, failed, outcome, recorded = row
    try:
        return type(outcome) is bytes and outcome_checksum(section_id, group_id, failed, outcome) == recorded
    except TypeError:  # one of the numbers became a text or bytes
        return False


def same_group(one: PackedRow, other: PackedRow) -> bool:
    """Whether both have the same group, whatever it took to read it. False: they may nevertheless."""
    # No business is made. What differs for each reading is the first number and the time, before the businesses.
    head, _, rest = one[3].partition(b"\n")
    other_head, _, other_rest = other[3].partition(b"\n")
    same_head = head == other_head or head.partition(b",")[2] == other_head.partition(b",")[2]
    return same_head and rest[_DOUBLE.size :] == other_rest[_DOUBLE.size :]


def decode_outcome(section_id: int, group_id: int | None, text: str | bytes) -> ScanItem:
    """Return the item, with ``recorded`` set. Raises ``ValueError`` for anything that is no outcome."""
    try:
        if isinstance(text, bytes):
            key = (section_id, NO_GROUP if group_id is None else group_id, 0, text)
            return _unpacked([(*key, outcome_checksum(*key))])[0]
        outcome = decode_json(text.encode())
        facts: tuple[int, float] = outcome["attempts"], outcome["elapsed"]
        if "error" in outcome:
            return ScanFailure(section_id, group_id, None, _error(outcome["error"]), *facts, recorded=True)
        plain = outcome["group"]
        group = Group(**{**plain, "business_ids": tuple(plain["business_ids"])})
        group_id = group.id if group_id is None else group_id
        inferred = outcome.get("inferred", False)  # journals of earlier versions know of none
        return ScanSuccess(section_id, group_id, group, None, *facts, recorded=True, inferred=inferred)
    except (AttributeError, KeyError, TypeError, ValueError, struct.error) as problem:
        raise ValueError(f"not an outcome: {problem}") from None


def _unpacked(rows: Sequence[Any]) -> list[ScanSuccess]:
    """Return the items of rows that are groups as compact bytes. Raises ``_NOT_PACKED`` if one is none or damaged."""
    # One step after the other, each for all: there may be a million of them. One that is left out here is missed below.
    parts = [
        outcome.split(b"\n", 1)
        for section_id, group_id, failed, outcome, recorded in rows
        if crc32(outcome, crc32(b"%d %d %d " % (section_id, group_id, failed))) == recorded
    ]
    heads = decode_short(b"[%b]" % b",".join([head for head, _ in parts]))
    width, time_of = _DOUBLE.size, _DOUBLE.unpack_from
    items: list[Any] = [
        _SuccessTwin(
            section_id,
            group_id,
            _GroupTwin(number, name, flags & 1 == 1, tuple(rest[width:].hex(" ", size).split(" "))),
            None,
            attempts,
            time_of(rest)[0],
            True,
            flags & 2 == 2,
        )
        for (section_id, group_id, _, _, _), (attempts, number, name, flags, size), (_, rest) in zip(
            rows, heads, parts, strict=True
        )
    ]
    if _GroupTwin is not Group:
        for item in items:
            item.group.__class__ = Group
    if _SuccessTwin is not ScanSuccess:
        for item in items:
            item.__class__ = ScanSuccess
    return items


def encode_business(business: Business) -> str:
    """Return a business as the JSON object that the API sends, ``extra`` included."""
    known = {name: getattr(business, name) for name in _BUSINESS_FIELDS}
    try:
        return encode_json({**business.extra, **known}).decode()
    except (RecursionError, TypeError):  # such as a field nested three hundred deep
        return encode_json({**{name: _plain(value) for name, value in business.extra.items()}, **known}).decode()


def decode_business(text: str) -> Business:
    """Return the business. Raises ``ValueError`` for any other text."""
    # As a response is read: a field that only a later version knows ends up in ``extra``.
    try:
        business: Business = exact_hook(Business)(decode_json(text.encode()), Business)
    except Exception as problem:
        failure = str(problem) or type(problem).__name__  # cattrs may raise anything
    else:
        return business
    raise ValueError(f"not a business: {failure}")


def _plain_error(error: PartooError) -> dict[str, Any]:
    state = {name: _plain(value) for name, value in vars(error).items()}
    return {"class": type(error).__name__, "message": str(error.args[0]) if error.args else "", "state": state}


def _plain(value: object) -> Any:
    if isinstance(value, PartooError):
        return {"error": _plain_error(value)}
    try:
        if attrs.has(type(value)):
            value = attrs.asdict(value)  # type: ignore[arg-type]  # has() does not narrow the type
        elif isinstance(value, Headers):
            value = dict(value)
        elif isinstance(value, (list, tuple)):
            value = [_plain(inner) for inner in value]
        encode_json(value)
    except (RecursionError, TypeError):
        return None  # such as a report, or a body nested a thousand deep
    return value


def _error(plain: dict[str, Any]) -> PartooError:
    cls = _CLASSES.get(plain["class"], PartooError)
    error = cls.__new__(cls)
    error.args = (plain["message"],)
    state: dict[str, Any] = dict(plain["state"])
    if "attempts" in state:
        state["attempts"] = tuple(Attempt(**attempt) for attempt in state["attempts"])
    if state.get("_facts") is not None:
        state["_facts"] = CallFacts(**{**state["_facts"], "quota": QuotaFacts(**state["_facts"]["quota"])})
    if "headers" in state:
        state["headers"] = Headers(state["headers"].items())
    if "problems" in state:
        state["problems"] = tuple(state["problems"])
    if state.get("last_error") is not None:
        state["last_error"] = _error(state["last_error"]["error"])
    if isinstance(state.get("body"), (dict, list)):
        state["body"] = decode_error_body(state["status"], encode_json(state["body"]))[0]
    vars(error).update(state)
    return error
