"""Rows of a CSV file that a spreadsheet opens without running or changing what is in them."""

# Formulas: https://owasp.org/www-community/attacks/CSV_Injection. The form of the file: RFC 4180.

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from partoo_async._internal.describe import describe
from partoo_async.errors import PartooError
from partoo_async.scan.rows import BUSINESS_COLUMNS, business_lists

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from partoo_async.models import Group
    from partoo_async.scan.items import ScanItem
    from partoo_async.scan.many.rows import ManyItem

__all__ = [
    "Alike",
    "Cell",
    "RowKind",
    "alike",
    "header",
    "many_alike",
    "many_rows",
    "plain_cell",
    "sheet_rows",
    "text_cell",
]

RowKind: TypeAlias = Literal["business", "group"]
"""What one row of a CSV file stands for."""

Cell: TypeAlias = int | float | str | None

_FORMULA = frozenset("=+-@")
# A number that does not come back as it was written: 007, 1.50, 5e10, or one of more than the 15 digits of a double.
# Dates are left alone: which texts are dates depends on the language of the reader's computer.
_CHANGED_NUMBER = re.compile(
    r"(?!(?:0|[1-9][0-9]{0,14})\Z)(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?", re.IGNORECASE
)
# Letters and digits, one of them no digit and no "e": nothing of the above; so are nearly all business ids.
_plain = re.compile(r"[0-9eE]*[a-df-zA-DF-Z][0-9a-zA-Z]*").fullmatch
# The same of many, each with a space behind it. What has a space within is plain, too, if its parts are.
_all_plain = re.compile(r"(?:[0-9eE]*+[a-df-zA-DF-Z][0-9a-zA-Z]*+ )++").fullmatch
_EXACT = 10**15
# By the delimiter of a file: where it may be split, too.
_SPLITS = {",": re.compile("(;)"), ";": re.compile("(,)"), "\t": re.compile("([,;])")}


def text_cell(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run or change."""
    if _plain(text) or text[:1].isalpha():
        return text
    return f"'{text}" if _starts_formula(text) or _CHANGED_NUMBER.fullmatch(text.lstrip("'").strip()) else text


def _id_cell(value: int | None) -> Cell:
    # As a number where it stays one: a spreadsheet makes zeros of the digits after the fifteenth.
    return value if value is None or value < _EXACT else text_cell(str(value))


def _starts_formula(text: str) -> bool:
    for char in text:
        category = unicodedata.category(char)
        # Skipped by spreadsheets. So are our own apostrophes: a text that has one already gets another, so that taking
        # one off always gives back what was there.
        if char == "'" or category[0] == "Z" or category == "Cf":
            continue
        # NFKC makes the wide and small forms of a sign the sign itself. Cc: a tab or a line break ends up as white
        # space before a formula.
        return category == "Cc" or not _FORMULA.isdisjoint(unicodedata.normalize("NFKC", char))
    return False


def _guarded(text: str, delimiter: str) -> str:
    """Guard each part of a text that may end up at the beginning of a cell."""
    if _plain(text):
        return text
    # The first part would do if every reader split the file as it was written. But a spreadsheet takes the separator of
    # its reader's language: where the comma is the decimal sign, it splits a comma-separated file at each semicolon,
    # quoted or not; elsewhere it splits the other kind at each comma.
    return "".join([text_cell(part) for part in _SPLITS[delimiter].split(text)])


def _joined(texts: Iterable[str], delimiter: str) -> str:
    """Return the texts in one cell, each guarded like a cell of its own."""
    # Not a space or a comma, with which some languages write large numbers. A semicolon within a text splits it, too.
    return ";".join([part if _plain(part) else _guarded(part, delimiter) for part in ";".join(texts).split(";")])


def _parallel(texts: Sequence[str | None], delimiter: str) -> str:
    """Return the texts in one cell with a part for each, whatever they hold."""
    # A name with a semicolon would be two, and those behind it would belong to the ids before theirs.
    return _joined(["" if text is None else text.replace(";", ",") for text in texts], delimiter)


def plain_cell(value: object, delimiter: str) -> Cell:
    """Return the cell of a value that JSON has: texts of a list are in one cell."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case int():
            return _id_cell(value) if value >= 0 else value
        case float():
            return value
        case list() | tuple():
            return _joined(map(str, value), delimiter)
        case _:
            return _guarded(str(value), delimiter)


def header(rows: RowKind, *, businesses: bool = False) -> tuple[str, ...]:
    """Return the names of the columns."""
    ids = "business_id" if rows == "business" else "business_ids"
    columns = BUSINESS_COLUMNS if businesses else ()
    return ("section_id", "group_id", "name", "has_puller", ids, *columns, "error")


def sheet_rows(
    item: ScanItem, rows: RowKind, delimiter: str = ",", *, businesses: bool = False
) -> Iterator[tuple[Cell, ...]]:
    """Yield the rows of an outcome: one, or one for each business. None stands for an empty cell."""
    unknown: tuple[None, ...] = (None,) * (len(BUSINESS_COLUMNS) if businesses else 0)
    if item.error is not None:
        error = _guarded(describe(item.error), delimiter)
        yield _id_cell(item.section_id), _id_cell(item.group_id), None, None, None, *unknown, error
        return
    group = item.group
    start = _start(item.section_id, group, delimiter)
    lists = [*business_lists(group, item.businesses).values()] if businesses else []
    if rows == "group":
        yield *start, _joined(group.business_ids, delimiter), *(_parallel(texts, delimiter) for texts in lists), None
        return
    if not group.business_ids:  # still a group, so it has a row
        yield *start, "", *unknown, None
    for business, *texts in zip(group.business_ids, *lists, strict=True):
        cells = [None if text is None else _guarded(text, delimiter) for text in texts]
        yield *start, business if _plain(business) else _guarded(business, delimiter), *cells, None


def _start(section_id: int, group: Group, delimiter: str) -> tuple[Cell, ...]:
    puller = "true" if group.has_puller else "false"
    return _id_cell(section_id), _id_cell(group.id), _guarded(group.name, delimiter), puller


class Alike(NamedTuple):
    """The rows of a group whose businesses have plain ids: the cells before an id, the ids, and an empty cell."""

    start: tuple[Cell, ...]
    ids: tuple[str, ...]


def alike(item: ScanItem, delimiter: str) -> Alike | None:
    """Return a row for each business in short, None if that is not possible."""
    if item.error is not None or not _all_plain(" ".join((*item.group.business_ids, ""))):
        return None
    return Alike(_start(item.section_id, item.group, delimiter), item.group.business_ids)


def many_alike(outcome: ManyItem, delimiter: str) -> Alike | None:
    """Return the same behind the name of the organization."""
    name, item = outcome
    found = None if isinstance(item, PartooError) else alike(item, delimiter)
    return found and Alike((_guarded(name, delimiter), *found.start), found.ids)


def many_rows(
    outcome: ManyItem, rows: RowKind, delimiter: str = ",", *, businesses: bool = False
) -> Iterator[tuple[Cell, ...]]:
    """Yield the same behind the name of the organization: one row for an organization that failed as a whole."""
    name, item = outcome
    first = _guarded(name, delimiter)
    if isinstance(item, PartooError):
        empty = (None,) * (len(header(rows, businesses=businesses)) - 1)
        yield first, *empty, _guarded(describe(item), delimiter)
        return
    for cells in sheet_rows(item, rows, delimiter, businesses=businesses):
        yield first, *cells
