"""Reads the NDJSON that ``partoo scan --json`` writes, and checks each line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from partoo_async._internal.checks import ID_LIMIT
from partoo_async._internal.text import one_line, shown
from partoo_async._protocol.json import InvalidJSONError, decode_json
from partoo_async.errors import ConfigurationError
from partoo_async.models import Business, Group
from partoo_async.scan.rows import BUSINESS_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["read_lines"]

# Bytes, more than any outcome has: a file without lines, such as a video, is not read into memory.
_MAX_LINE = 2**26


class _LineError(ValueError):
    """A line is no outcome of a scan. The text follows "line 3 of scan.ndjson, which "."""


_Outcome: TypeAlias = tuple[int, int | None, Group | str, list[Business]]


def read_lines(path: Path, argument: str) -> Iterator[_Outcome]:
    """Yield of every line that is not blank section id, group id, the group or an error text, and its businesses.

    Raises ``ConfigurationError``, which names the ``argument``, and ``OSError``.
    """
    expected = f"{argument}: expected a journal, or lines as 'partoo scan --json' writes them, not"
    found = False
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(_MAX_LINE), b""), start=1):
            if line.isspace():
                continue
            try:
                outcome = _outcome(line)
            except _LineError as error:
                problem = str(error)
            else:
                found = True
                yield outcome
                continue
            raise ConfigurationError(f"{expected} line {number} of {shown(path)}, which {problem}")
    if not found:
        raise ConfigurationError(f"{expected} {shown(path)}, which is empty")


def _outcome(line: bytes) -> _Outcome:
    try:
        value = decode_json(line)
    except InvalidJSONError:
        raise _LineError(_why_no_json(line)) from None
    if not isinstance(value, dict):
        raise _LineError("is not a JSON object")
    section_id = _id(value, "section_id")
    group_id = None if value.get("group_id", 0) is None else _id(value, "group_id")
    error = value.get("error")
    if isinstance(error, str):
        return section_id, group_id, one_line(error) or "failed", []
    if error is not None:
        raise _LineError("has an error that is neither a string nor null")
    if group_id is None:
        raise _LineError("has neither a group_id nor an error")
    group = _group(value, group_id)
    return section_id, group_id, group, _businesses(value, group)


def _why_no_json(line: bytes) -> str:
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "is UTF-16, as some shells write it; save the file as UTF-8"
    if line.endswith(b"\n") or len(line) == _MAX_LINE:
        return "is not JSON"
    return "is cut off: its scan was interrupted or still runs; remove that line, or scan anew"


def _id(value: dict[str, Any], field: str) -> int:
    found = value.get(field)
    if type(found) is not int or not 0 <= found < ID_LIMIT:
        raise _LineError(f"has no {field} that is an id")
    return found


def _group(value: dict[str, Any], group_id: int) -> Group:
    name, has_puller, business_ids = (value.get(field) for field in ("name", "has_puller", "business_ids"))
    if not isinstance(name, str):
        raise _LineError("has no name that is a string")
    if not isinstance(has_puller, bool):
        raise _LineError("has no has_puller that is true or false")
    if not isinstance(business_ids, list) or not all(isinstance(one, str) for one in business_ids):
        raise _LineError("has no business_ids that are a list of strings")
    return Group(group_id, name, has_puller, tuple(business_ids))


def _businesses(value: dict[str, Any], group: Group) -> list[Business]:
    """Return the businesses of which the lists beside the ids say something."""
    columns = {field: value[column] for column, field in BUSINESS_COLUMNS.items() if value.get(column) is not None}
    for field, texts in columns.items():
        if not isinstance(texts, list) or not all(text is None or isinstance(text, str) for text in texts):
            raise _LineError(f"has no business_{field} that is a list of strings and nulls")
        if len(texts) != len(group.business_ids):
            raise _LineError(f"has another number of business_{field} than of business_ids")
    rows = zip(*columns.values(), strict=True)
    return [
        Business(business_id, **dict(zip(columns, row, strict=True)))
        for business_id, row in zip(group.business_ids, rows, strict=False)  # without the columns there are no rows
        if any(row)
    ]
