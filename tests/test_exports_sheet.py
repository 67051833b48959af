"""Cells of a CSV file: nothing in them runs, and no spreadsheet changes them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from partoo_async import Group, NotFoundError, ScanItem
from partoo_async.exports.sheet import sheet_rows, text_cell
from tests.each import each


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
    """The name, each business, joined ones too, and the error; ids of sections and groups stay numbers."""
    group = Group(42, "=name", True, ("=b1", "5e10"))
    item = ScanItem(7, 42, group, None, 1, 0.1)
    assert list(sheet_rows(item, "business")) == [
        (7, 42, "'=name", "true", "'=b1", None),
        (7, 42, "'=name", "true", "'5e10", None),
    ]
    assert list(sheet_rows(item, "group")) == [(7, 42, "'=name", "true", "'=b1;'5e10", None)]
    failed = ScanItem(7, None, None, NotFoundError(404), 1, 0.1)
    failed.error.args = ("=cmd()",)  # type: ignore[union-attr]
    assert list(sheet_rows(failed, "group")) == [(7, None, None, None, None, "'=cmd()")]


def test_no_joined_business_is_a_formula_wherever_the_cell_is_split() -> None:
    """A spreadsheet that takes the semicolon for the separator, as in France, splits a cell of joined businesses. So
    each of them is guarded, what comes behind a semicolon within one of them included."""
    group = Group(42, "France", False, ("b1", "=1+1", "", "b2;@SUM(A1)", "007", "b3"))
    ((*_, cell, _),) = sheet_rows(ScanItem(7, 42, group, None, 1, 0.1), "group")
    assert cell == "b1;'=1+1;;b2;'@SUM(A1);'007;b3"


@given(st.lists(st.text(st.sampled_from("=+-@'; \t5e.a"), max_size=5)))
def test_a_joined_cell_is_guarded_as_a_whole(texts: list[str]) -> None:
    """Guards of the parts are enough: neither the cell nor a part of it would need another one."""
    group = Group(42, "France", False, tuple(texts))
    ((*_, cell, _),) = sheet_rows(ScanItem(7, 42, group, None, 1, 0.1), "group")
    assert isinstance(cell, str)
    for read in (cell, *cell.split(";")):
        assert read.startswith("'") or text_cell(read) == read
