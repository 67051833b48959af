"""Cells of a CSV file: nothing in them runs, and no spreadsheet changes them."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from partoo_async import Group, NotFoundError, ScanFailure, ScanSuccess
from partoo_async.exports.csv_rows import sheet_rows, text_cell
from tests.support.each import each


@each(
    "text",
    [
        "=1+1",
        "+1",
        "-10% Store",
        "@SUM(A1)",
        "\tname",
        "\rname",
        "\nname",
        "\x00=1",
        "  =1+1",
        "\u00a0=1+1",
        "\u3000=1+1",
        "\u200b=1+1",
        "\ufeff=1+1",
        "\u202e=1+1",
        "＝1+1",  # noqa: RUF001 - the full-width forms are what this is about
        "＋1",  # noqa: RUF001
        "－1",  # noqa: RUF001
        "＠SUM(A1)",  # noqa: RUF001
        "﹦1",
        "'=1+1",
        "' \t=1+1",
    ],
)
def test_formulas_are_text(text: str) -> None:
    """What a spreadsheet could take for a formula, behind white space or in full-width signs too, is marked."""
    assert text_cell(text) == "'" + text


@each(
    "text",
    [
        "5e10",
        "82e26622572834000248523",
        "1E5",
        "00123",
        "007",
        "1.50",
        ".5",
        "1234567890123456",
        "123456789012345678901234",
        " 007 ",
        "'007",
    ],
)
def test_numbers_that_would_change_are_text(text: str) -> None:
    """A text that comes back as another number, 5e10 as 50000000000, is marked: an id must stay what it is."""
    assert text_cell(text) == "'" + text


@each(
    "text",
    [
        "",
        "France",
        "Île-de-France",
        "日本",
        "😀",
        "82e2e662f728b4fa42485e3a",
        "0",
        "75001",
        "123456789012345",
        "5e10a",
        "1.2.3",
        "e5",
        "a=b",
        "a\n=b",
        "'s-Hertogenbosch",
        "(closed)",
        '"quoted"',
        "'",
        " ",
    ],
)
def test_everything_else_stays(text: str) -> None:
    """Names, hexadecimal ids and numbers that any spreadsheet keeps are written as they are."""
    assert text_cell(text) == text


@given(st.text())
def test_the_mark_can_be_taken_off(text: str) -> None:
    """One apostrophe is all that is added, and whether it was can be told from the cell: nothing is ambiguous."""
    cell = text_cell(text)
    assert cell in (text, "'" + text)
    # A cell that stayed as it is would stay again; one that was marked would be marked again.
    assert text_cell(cell) == (cell if cell == text else "'" + cell)


def test_every_text_is_guarded() -> None:
    """The name, each business, joined ones too, and the error; ids of up to fifteen digits stay numbers."""
    group = Group(42, "=name", True, ("=b1", "5e10"))
    item = ScanSuccess(7, 42, group, None, 1, 0.1)
    assert list(sheet_rows(item, "business")) == [
        (7, 42, "'=name", "true", "'=b1", None),
        (7, 42, "'=name", "true", "'5e10", None),
    ]
    assert list(sheet_rows(item, "group")) == [(7, 42, "'=name", "true", "'=b1;'5e10", None)]
    failed = ScanFailure(7, None, None, NotFoundError(404), 1, 0.1)
    failed.error.args = ("=cmd()",)  # type: ignore[union-attr]
    assert list(sheet_rows(failed, "group")) == [(7, None, None, None, None, "'=cmd()")]


def test_no_joined_business_is_a_formula_wherever_the_cell_is_split() -> None:
    """A spreadsheet that takes the semicolon for the separator, as in France, splits a cell of joined businesses. So
    each of them is guarded, what comes behind a semicolon within one of them included."""
    group = Group(42, "France", False, ("b1", "=1+1", "", "b2;@SUM(A1)", "007", "b3"))
    ((*_, cell, _),) = sheet_rows(ScanSuccess(7, 42, group, None, 1, 0.1), "group")
    assert cell == "b1;'=1+1;;b2;'@SUM(A1);'007;b3"


def test_no_part_of_a_name_or_an_error_is_a_formula_wherever_the_cell_is_split() -> None:
    """A comma-separated file is split at semicolons, too, one of semicolons at commas, one of tabs at either."""
    group = Group(42, "a;=1+1,=2", False, ("b;=3,=4",))
    failed = ScanFailure(7, 9, None, NotFoundError(404), 1, 0.1)
    failed.error.args = ("x;=5,=6",)  # type: ignore[union-attr]
    cells = {}
    for delimiter in ",;\t":
        (row,) = sheet_rows(ScanSuccess(7, 42, group, None, 1, 0.1), "business", delimiter)
        (error,) = sheet_rows(failed, "business", delimiter)
        cells[delimiter] = (row[2], row[4], error[5])
    assert cells == {
        ",": ("a;'=1+1,=2", "b;'=3,=4", "x;'=5,=6"),
        ";": ("a;=1+1,'=2", "b;=3,'=4", "x;=5,'=6"),
        "\t": ("a;'=1+1,'=2", "b;'=3,'=4", "x;'=5,'=6"),
    }


@given(st.text(st.sampled_from("=+-@',; \t5e.aβ")), st.sampled_from(",;\t"))
def test_a_cell_is_guarded_wherever_it_is_split(text: str, delimiter: str) -> None:
    """Whichever of the other separators a spreadsheet takes, no part of a cell would need another guard."""
    ((_, _, cell, *_),) = sheet_rows(ScanSuccess(7, 42, Group(42, text, False, ()), None, 1, 0.1), "group", delimiter)
    assert isinstance(cell, str)
    for read in (cell, *(part for other in {",", ";"} - {delimiter} for part in cell.split(other))):
        # Split at one alone, a part holds the other's guards; its beginning is what counts.
        first = re.split("[,;]" if delimiter == "\t" else ";" if delimiter == "," else ",", read)[0]
        assert first.startswith("'") or text_cell(first) == first


def test_ids_that_a_spreadsheet_would_round_are_text() -> None:
    """Of more than fifteen digits the last would become zeros: marked like the ids of businesses."""
    group = Group(9_007_199_254_740_993, "France", False, ("b",))
    (row,) = sheet_rows(ScanSuccess(999_999_999_999_999, group.id, group, None, 1, 0.1), "group")
    assert row[:2] == (999_999_999_999_999, "'9007199254740993")
    (row,) = sheet_rows(ScanFailure(10**15, 2**63 - 1, None, NotFoundError(404), 1, 0.1), "group")
    assert row[:2] == ("'1000000000000000", "'9223372036854775807")


@given(st.lists(st.text(st.sampled_from("=+-@'; \t5e.a"), max_size=5)))
def test_a_joined_cell_is_guarded_as_a_whole(texts: list[str]) -> None:
    """Guards of the parts are enough: neither the cell nor a part of it would need another one."""
    group = Group(42, "France", False, tuple(texts))
    ((*_, cell, _),) = sheet_rows(ScanSuccess(7, 42, group, None, 1, 0.1), "group")
    assert isinstance(cell, str)
    for read in (cell, *cell.split(";")):
        assert read.startswith("'") or text_cell(read) == read
