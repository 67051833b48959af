"""Values that travel: as JSON, by pydantic, as data frames, in a notebook and as text."""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser
from typing import Any

import attrs
import pytest

import partoo_async
from partoo_async import (
    APIConnectionError,
    BadRequestBody,
    BadRequestErrors,
    Business,
    BusinessSummary,
    ConfigurationError,
    Group,
    GroupChange,
    GroupSummary,
    ManyProgress,
    NotCompared,
    NotFoundError,
    PartooError,
    QuotaExceededError,
    RateLimitError,
    ScanDiff,
    ScanFailure,
    ScanItem,
    ScannedGroup,
    ScannedSection,
    ScanPlan,
    ScanProgress,
    ScanReport,
    ScanSuccess,
    Section,
    SectionPage,
    SectionRename,
)
from partoo_async._internal.values import plain
from tests.support.each import each


def item(
    section_id: int,
    group_id: int | None,
    group: Group | None,
    error: PartooError | None,
    attempts: int,
    elapsed: float,
    recorded: bool = False,
) -> ScanItem:
    cls: Any = ScanSuccess if error is None else ScanFailure
    made: ScanItem = cls(section_id, group_id, group, error, attempts, elapsed, recorded)
    return made


FRANCE = Group(42, "France", False, ("a", "b"))
READ = item(7, 42, FRANCE, None, 1, 0.5)
UNREAD = item(7, 43, None, NotFoundError(404, None, "GET /sections/7/groups/43"), 2, 1.5, recorded=True)
NO_SECTION = item(8, None, None, APIConnectionError("refused", False), 5, 2.0)
REPORT = ScanReport(
    (READ, UNREAD, NO_SECTION),
    8,
    83.0,
    {"Group.has_puller missing": 2},
    4,
    ((7, 42),),
    ((7, 1),),
    complete=False,
    sections={7: "Country"},
)
DIFF = ScanDiff(
    sections_added=(ScannedSection(9, None),),
    sections_removed=(),
    sections_renamed=(SectionRename(7, "Land", "Country"),),
    groups_added=(ScannedGroup(9, Group(1, "A", True, ("x",))),),
    groups_removed=(),
    groups_changed=(GroupChange(7, FRANCE, Group(42, "La France", True, ("b", "c", "d"))),),
    groups_compared=24,
    not_compared=(NotCompared(8, None, None, "404 Not Found"),),
    incomplete=("after",),
    notes=("these are scans of two servers",),
)
SECTION = Section(7, "Country", (GroupSummary(42, "France", False),), True, False)

GROUP_OBJECT = {"id": 42, "name": "France", "has_puller": False, "business_ids": ["a", "b"]}
ERROR_OBJECT = {
    "type": "NotFoundError",
    "message": "404 Not Found for GET /sections/7/groups/43",
    "status": 404,
    "transient": False,
}
READ_OBJECT = {
    "section_id": 7,
    "group_id": 42,
    "group": GROUP_OBJECT,
    "error": None,
    "attempts": 1,
    "elapsed": 0.5,
    "recorded": False,
    "inferred": False,
    "businesses": [],
}
UNREAD_OBJECT = {
    "section_id": 7,
    "group_id": 43,
    "group": None,
    "error": ERROR_OBJECT,
    "attempts": 2,
    "elapsed": 1.5,
    "recorded": True,
    "inferred": False,
    "businesses": [],
}


@each(
    ("value", "expected"),
    [
        (FRANCE, GROUP_OBJECT),
        (
            SectionPage((SECTION,), 1),
            {
                "sections": [
                    {
                        "id": 7,
                        "name": "Country",
                        "groups": [{"id": 42, "name": "France", "has_puller": False}],
                        "can_edit": True,
                        "has_puller": False,
                    }
                ],
                "page": 1,
                "max_page": None,
                "count": None,
            },
        ),
        (BadRequestBody(BadRequestErrors({"name": ["taken"]})), {"errors": {"json": {"name": ["taken"]}}}),
        (READ, READ_OBJECT),
        (UNREAD, UNREAD_OBJECT),
        (
            ScanPlan(1, 2, 3, 4.0),
            {"sections": 1, "groups": 2, "requests": 3, "seconds": 4.0, "recorded": 0, "strategy": "groups"},
        ),
        (
            ScanProgress(1, 0, 2, 0.5, float("inf"), 0.0),
            {
                "done": 1,
                "failed": 0,
                "total": 2,
                "rate": 0.5,
                "eta": None,
                "paused_for": 0.0,
                "held_for": 0.0,
                "held_by": "",
                "quota_wait": 0.0,
                "retries": 0,
                "silent_for": 0.0,
            },
        ),
        (
            attrs.evolve(REPORT, items=(READ,)),
            {
                "items": [READ_OBJECT],
                "requests": 8,
                "seconds": 83.0,
                "drift": {"Group.has_puller missing": 2},
                "retries": 4,
                "added": [[7, 42]],
                "deleted": [[7, 1]],
                "complete": False,
                "strategy": "groups",
                "verified": 0,
                "fallback": "",
                "businesses": {},
                "sections": {"7": "Country"},
            },
        ),
        (
            DIFF,
            {
                "same": False,
                "complete": False,
                "sections_added": [{"section_id": 9, "name": None}],
                "sections_removed": [],
                "sections_renamed": [{"section_id": 7, "before": "Land", "after": "Country"}],
                "groups_added": [
                    {"section_id": 9, "group_id": 1, "name": "A", "has_puller": True, "business_ids": ["x"]}
                ],
                "groups_removed": [],
                "groups_changed": [
                    {
                        "section_id": 7,
                        "group_id": 42,
                        "before": {"name": "France", "has_puller": False},
                        "after": {"name": "La France", "has_puller": True},
                        "joined": ["c", "d"],
                        "left": ["a"],
                    }
                ],
                "groups_compared": 24,
                "not_compared": [{"section_id": 8, "group_id": None, "before": None, "after": "404 Not Found"}],
                "incomplete": ["after"],
                "notes": ["these are scans of two servers"],
                "businesses": [],
            },
        ),
    ],
)
def test_a_value_is_an_object_of_json_values(value: Any, expected: dict[str, Any]) -> None:
    """``to_dict`` has the fields in their order, lists for tuples, None for what JSON lacks, and survives JSON."""
    made = value.to_dict()
    assert made == expected
    assert list(made) == list(expected)
    assert json.loads(json.dumps(made, allow_nan=False)) == made


@each(
    ("error", "expected"),
    [
        (NO_SECTION.error, ["APIConnectionError", "refused", None, True]),
        (QuotaExceededError("full", 3.0), ["QuotaExceededError", "full", None, True]),
        (PartooError(), ["PartooError", "", None, False]),
    ],
)
def test_an_error_is_an_object_of_four(error: PartooError, expected: list[Any]) -> None:
    """Class, text, status if there is one, and whether the same call may succeed later: never a body or a frame."""
    made = item(7, 42, None, error, 1, 0.0).to_dict()["error"]
    assert list(made) == ["type", "message", "status", "transient"]
    assert list(made.values()) == expected


def test_every_model_and_result_has_it() -> None:
    """A new model has ``to_dict`` by its base. Values that configure a client, and events, are no results."""
    others = {
        "Attempt",
        "FileQuota",
        "Organization",
        "QuotaSnapshot",
        "RateLimit",
        "RawResponse",
        "RedisQuota",
        "RetryPolicy",
        "Server",
    }
    others |= {"HoldEvent", "PauseEvent", "RequestEvent", "RetryEvent"}
    public = {name: getattr(partoo_async, name) for name in partoo_async.__all__}
    values = {name: cls for name, cls in public.items() if isinstance(cls, type) and attrs.has(cls)}
    assert {name for name, cls in values.items() if not hasattr(cls, "to_dict")} == others


def test_what_json_lacks_is_an_error() -> None:
    """A field of a new kind is noticed at once, and not written as some text."""
    with pytest.raises(TypeError, match="JSON has no bytes"):
        plain([b"x"])


MANY = ManyProgress(1, 0, 2, 0.5, 9.0, 3, 2, 1, 0)


@each("value", [READ, UNREAD, NO_SECTION, REPORT, ScanPlan(1, 2, 3, 4.0), ScanProgress(1, 0, 2, 0.5, 9.0, 0.0), MANY])
def test_pydantic_takes_the_values_of_a_scan(value: Any) -> None:
    """It takes a value as it is, writes the very JSON of ``to_dict``, reads it back, and has a schema for both ways."""
    pydantic = pytest.importorskip("pydantic", reason="needs pydantic")
    adapter = pydantic.TypeAdapter(type(value))
    assert adapter.validate_python(value) is value
    written = adapter.dump_json(value)
    assert json.loads(written) == value.to_dict()
    assert adapter.validate_json(written).to_dict() == value.to_dict()
    assert adapter.validate_python(json.loads(written)).to_dict() == value.to_dict()
    for mode in ("validation", "serialization"):
        names = [field.name for field in attrs.fields(type(value))]
        assert list(adapter.json_schema(mode=mode)["properties"]) == names


def test_pydantic_tells_values_apart() -> None:
    """In a union each value is written by its own schema, in a list as well as alone."""
    pydantic = pytest.importorskip("pydantic", reason="needs pydantic")
    for union in (Group | ScanItem | Section, Section | ScanItem | Group):
        values = [FRANCE, READ, SECTION, UNREAD]
        adapter = pydantic.TypeAdapter(list[union])
        assert json.loads(adapter.dump_json(values)) == [value.to_dict() for value in values]
        assert pydantic.TypeAdapter(union).dump_python(READ, mode="json") == READ_OBJECT


def test_an_error_comes_back_as_its_class() -> None:
    """Of an error, JSON keeps class, text, status and whether it is transient; the rest is as if unknown."""
    pydantic = pytest.importorskip("pydantic", reason="needs pydantic")
    adapter = pydantic.TypeAdapter(ScanItem)
    error = RateLimitError(429, None, "GET /sections/7", 60.0)
    found = adapter.validate_json(adapter.dump_json(item(7, 1, None, error, 1, 0.0))).error
    assert type(found) is RateLimitError
    assert (str(found), found.status, found.transient, found.retry_after) == (str(error), 429, True, None)
    unknown = UNREAD_OBJECT | {"error": ERROR_OBJECT | {"type": "__builtins__"}}
    assert type(adapter.validate_python(unknown).error) is PartooError
    with pytest.raises(pydantic.ValidationError, match="error"):
        adapter.validate_python(UNREAD_OBJECT | {"error": "text"})


LARGEST = 2**63 - 1
COLUMNS = ["section_id", "group_id", "name", "has_puller", "business_ids", "error"]
ROWS = (READ, item(7, LARGEST, Group(LARGEST, "", True, ()), None, 1, 0.1), UNREAD, NO_SECTION)


def test_a_report_is_a_frame_of_pandas() -> None:
    """Columns and values of the Arrow table; an id of 63 bits stays exact beside a missing one."""
    pd = pytest.importorskip("pandas", reason="needs pandas")
    frame = ScanReport(ROWS, 4, 1.0).to_pandas()
    assert [*frame.columns] == COLUMNS
    assert [str(kind) for kind in frame.dtypes] == ["int64", "Int64", "string", "boolean", "object", "string"]
    assert frame["group_id"].tolist() == [42, LARGEST, 43, pd.NA]
    assert frame["business_ids"].tolist() == [["a", "b"], [], None, None]
    assert frame["has_puller"].tolist() == [False, True, pd.NA, pd.NA]
    assert frame["error"][3] == "refused (the request was not sent)"
    empty = ScanReport((), 0, 0.0).to_pandas()
    assert (len(empty), [*empty.dtypes]) == (0, [*frame.dtypes])


def test_a_report_is_a_frame_of_polars() -> None:
    """Columns and values of the Arrow table; a report of failures only has the same types."""
    pl = pytest.importorskip("polars", reason="needs polars")
    frame = ScanReport(ROWS, 4, 1.0).to_polars()
    kinds = [pl.Int64, pl.Int64, pl.String, pl.Boolean, pl.List(pl.String), pl.String]
    assert frame.schema == dict(zip(COLUMNS, kinds, strict=True))
    assert frame["group_id"].to_list() == [42, LARGEST, 43, None]
    assert frame["business_ids"].to_list() == [["a", "b"], [], None, None]
    for items in ((), (NO_SECTION,)):
        assert ScanReport(items, 0, 0.0).to_polars().schema == frame.schema


def test_frames_have_the_names_of_businesses() -> None:
    """Lists beside the ids, typed the same whatever the data; without businesses there are no such columns."""
    pd = pytest.importorskip("pandas", reason="needs pandas")
    pl = pytest.importorskip("polars", reason="needs polars")
    lists = ["business_name", "business_code", "business_status", "business_city"]
    named = attrs.evolve(ROWS[0], businesses=(BusinessSummary("a", "A", "1", "open", "Lille"), BusinessSummary("b")))
    for rows, expected in (((named, *ROWS[1:]), ["A", None]), ((), None)):
        report = ScanReport(rows, 4, 1.0, businesses={"a": Business("a")})
        frame, other = report.to_pandas(), report.to_polars()
        assert [*frame.columns] == [*other.columns] == [*COLUMNS[:5], *lists, *COLUMNS[5:]]
        assert [frame[name].dtype for name in lists] == [pd.Series(dtype="object").dtype] * 4
        assert [other.schema[name] for name in lists] == [pl.List(pl.String)] * 4
        if rows:
            assert frame["business_name"].tolist() == [expected, [], None, None]
            assert other["business_city"].to_list() == [["Lille", None], [], None, None]


@each("library", ["pandas", "polars"])
def test_a_missing_library_is_an_extra_to_install(library: str) -> None:
    """The error has the command that installs it; nothing of the two is imported before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, library, None)
        with pytest.raises(ConfigurationError, match=rf"^{library}: expected to be installed .*\[{library}\]"):
            getattr(REPORT, f"to_{library}")()


class Table(HTMLParser):
    """The texts of a piece of HTML, and its tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_a_report_is_shown_in_one_line() -> None:
    """A prompt, a log or a debugger shows figures, and not each business of each group."""
    assert repr(REPORT) == "<ScanReport: 3 outcomes, 2 failed, 8 requests, 1 min 23 s, not complete>"
    assert repr(ScanReport((READ,), 1, 0.2)) == "<ScanReport: 1 outcome, 0 failed, 1 request, 0.2 s>"


@each(
    ("progress", "text"),
    [
        (ScanProgress(0, 0, 0, 0.0, 3.0, 0.0), "reading sections, 0 done"),
        (ScanProgress(1_200, 3, 4_800, 5.02, 723.0, 0.0), "1,200 of 4,800, 3 failed, 5.0/s, 12 min 03 s left"),
        (ScanProgress(1, 0, 2, 0.5, float("inf"), 0.0), "1 of 2, 0 failed, 0.5/s"),
        (ScanProgress(54, 0, 54, 5.0, 0.0, 0.0), "54 of 54, 0 failed, 5.0/s"),
        (ScanProgress(1, 0, 54, 5.0, 9.0, 42.0), "1 of 54, 0 failed, paused for 42 s"),
        (ScanProgress(1, 0, 54, 5.0, 9.0, 0.0, 61.0, "503"), "1 of 54, 0 failed, on hold for 1 min 01 s: 503"),
        (ScanProgress(1, 0, 54, 5.0, 9.0, 0.0, silent_for=8.0), "1 of 54, 0 failed, nothing came for 8.0 s"),
        (ScanProgress(1, 0, 54, 5.0, 9.0, 42.0, silent_for=8.0), "1 of 54, 0 failed, paused for 42 s"),
        (ScanProgress(1, 0, 54, 5.0, 9.0, 1.0, 61.0), "1 of 54, 0 failed, on hold for 1 min 01 s"),
    ],
)
def test_progress_is_a_line(progress: ScanProgress, text: str) -> None:
    """``on_progress=print`` tells a person how far the scan is, and why it stands still."""
    assert str(progress) == text


def test_a_notebook_shows_progress_as_a_bar() -> None:
    """With the text beside it; what a server said of itself is no HTML."""
    held = ScanProgress(1, 0, 54, 5.0, 9.0, 0.0, 61.0, "<script>")
    assert held._repr_html_() == (
        '<progress value="1" max="54"></progress> 1 of 54, 0 failed, on hold for 1 min 01 s: &lt;script&gt;'
    )
    assert ScanProgress(0, 0, 0, 0.0, 0.0, 0.0)._repr_html_().startswith("<progress></progress> reading")


def test_a_notebook_shows_a_table() -> None:
    """The figures, then a row for each outcome, failures first."""
    shown = Table(REPORT._repr_html_())
    assert shown.texts == [
        "3 outcomes, 2 failed, 8 requests, 1 min 23 s, not complete",
        *("section", "group", "name", "puller", "businesses", "error"),
        *("7", "43", "404 Not Found for GET /sections/7/groups/43"),
        *("8", "refused (the request was not sent)"),
        *("7", "42", "France", "no", "2"),
    ]
    assert shown.tags.count("tr") == 4
    assert "table" not in Table(ScanReport((), 0, 0.0)._repr_html_()).tags


def test_a_notebook_names_businesses() -> None:
    """Where names are known, two of each group stand beside the number of its businesses; long ones are cut."""
    names = ["<i>0</i>", None, "x" * 10_000, "third"]
    known = attrs.evolve(READ, businesses=tuple(BusinessSummary(f"b{n}", name) for n, name in enumerate(names)))
    nameless = attrs.evolve(READ, businesses=(BusinessSummary("a"),))
    shown = Table(ScanReport((known, nameless), 1, 1.0)._repr_html_())
    assert shown.texts[1:7] == ["section", "group", "name", "puller", "businesses", "such as"]
    assert shown.texts[7:13] == ["7", "42", "France", "no", "2", f"<i>0</i>, {'x' * 37}..."]
    assert shown.texts[13:] == ["7", "42", "France", "no", "2"]


def test_a_notebook_shows_no_empty_column() -> None:
    """Where nothing failed there is no column of errors, and where nothing was read none of names."""
    assert Table(ScanReport((READ,), 1, 1.0)._repr_html_()).texts[1:6] == [
        *("section", "group", "name", "puller", "businesses")
    ]
    assert Table(ScanReport((UNREAD,), 1, 1.0)._repr_html_()).texts[1:4] == ["section", "group", "error"]


@each(
    ("inferred", "done", "figures"),
    [
        (0, {}, ""),
        (
            295,
            {"strategy": "businesses", "verified": 20},
            "; by the list of businesses, 20 of 315 groups verified: at most 15 % can differ (95 % confidence)",
        ),
        # 3/13 is 0.23077: rounded down it would not be the most.
        (
            302,
            {"strategy": "businesses", "verified": 13},
            "; by the list of businesses, 13 of 315 groups verified: at most 23.1 % can differ (95 % confidence)",
        ),
        (
            314,
            {"strategy": "businesses", "verified": 1},
            "; by the list of businesses, 1 of 315 groups verified: at most 100 % can differ (95 % confidence)",
        ),
        (
            0,
            {"strategy": "businesses", "verified": 315},
            "; by the list of businesses, and all of 315 groups verified",
        ),
        (0, {"fallback": "group 3 differs"}, "; each group was read by itself, because group 3 differs"),
    ],
)
def test_a_report_says_how_sure_it_is(inferred: int, done: dict[str, Any], figures: str) -> None:
    """One line, in a prompt and in a notebook, has what the groups come from, and what that is worth."""
    items = tuple(ScanSuccess(7, n, FRANCE, inferred=n < inferred) for n in range(315))
    report = ScanReport(items, 31, 6.0, **done)
    assert repr(report) == f"<ScanReport: 315 outcomes, 0 failed, 31 requests, 6.0 s{figures}>"
    assert Table(report._repr_html_()).texts[0] == repr(report)[13:-1]


def test_a_notebook_shows_twenty_rows() -> None:
    """However many outcomes there are, 20 are shown and the others counted; long texts are cut."""
    many = tuple(item(7, number, Group(number, "x" * 10_000, False, ()), None, 1, 0.0) for number in range(1234))
    text = ScanReport((*many, UNREAD), 1, 1.0)._repr_html_()
    shown = Table(text)
    assert shown.tags.count("tr") == 21
    assert shown.texts[7:10] == ["7", "43", "404 Not Found for GET /sections/7/groups/43"]
    assert shown.texts[-1] == "and 1,215 more"
    assert len(text) < 15_000


def test_a_notebook_runs_nothing_that_a_server_sent() -> None:
    """Names and errors are text: no tag, no attribute, no control character of theirs reaches the page."""
    hostile = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>\u202e\x1b[2J"
    items = (item(7, 1, Group(1, hostile, False, (hostile,)), None, 1, 0.0),)
    failed = (item(7, 2, None, NotFoundError(404, None, "GET /x", None, hostile), 1, 0.0),)
    text = ScanReport(items + failed, 1, 1.0)._repr_html_()
    shown = Table(text)
    assert set(shown.tags) == {"p", "table", "thead", "tbody", "tr", "th", "td"}
    assert sum("<script>alert(1)</script>" in one for one in shown.texts) == 2
    assert not {"\u202e", "\x1b"} & set(text)


def test_a_diff_is_a_text_for_a_mail() -> None:
    """The summary, then a part for each kind of change, with ids, names and what changed."""
    assert DIFF.to_text() == (
        "24 groups compared: 1 group added, 1 group changed, 2 sections added, removed or renamed;"
        " not everything could be compared.\n"
        "\n"
        "Sections added (1)\n"
        "- section 9\n"
        "\n"
        "Sections renamed (1)\n"
        '- section 7 "Country": was "Land"\n'
        "\n"
        "Groups added (1)\n"
        '- section 9, group 1 "A": 1 business\n'
        "\n"
        "Groups changed (1)\n"
        '- section 7 "Country", group 42 "La France"\n'
        '    renamed, was "France"\n'
        "    now filled by a feed\n"
        "    2 joined: c, d\n"
        "    1 left: a\n"
        "\n"
        "Not compared (1)\n"
        "- section 8: after: 404 Not Found\n"
        "\n"
        "Notes (2)\n"
        "- the scan after did not come to its end\n"
        "- these are scans of two servers\n"
    )


def test_the_text_of_a_diff_has_the_names_that_it_is_given() -> None:
    """Beside the ids, of sections and of the businesses that came and went, cut and in one line like all the others."""
    text = DIFF.to_text(
        section_names={9: "New\n", 8: "Secret"},
        business_names={"c": "Caf\N{LATIN SMALL LETTER E WITH ACUTE}", "a": "x" * 999},
    )
    assert '- section 9 "New", group 1 "A": 1 business' in text
    assert '- section 7 "Country", group 42 "La France"' in text
    assert '    2 joined: c "Caf\N{LATIN SMALL LETTER E WITH ACUTE}", d\n    1 left: a "xxx' in text
    assert '- section 8 "Secret": after: 404 Not Found' in text
    assert max(map(len, text.splitlines())) < 150


def test_a_notebook_shows_a_diff_as_its_text() -> None:
    """A cell has the text, every tag of a server's escaped; a prompt has one line, and not each business."""
    shown = Table(DIFF._repr_html_())
    assert (shown.tags, "".join(shown.texts)) == (["pre"], DIFF.to_text())
    assert repr(DIFF) == f"<ScanDiff: {DIFF}>"
    hostile = ScannedSection(9, "<img src=x onerror=alert(1)>")
    assert Table(attrs.evolve(DIFF, sections_added=(hostile,))._repr_html_()).tags == ["pre"]


def test_a_diff_without_changes_is_one_line() -> None:
    """So that a mail says that it looked."""
    assert ScanDiff((), (), (), (), (), (), 1204, (), (), ()).to_text() == "1,204 groups compared: nothing changed.\n"


def test_the_text_of_a_diff_is_bounded_and_harmless() -> None:
    """Twenty entries of each part are put into words, with five ids each, and no line of a server's making."""
    ids = tuple(f"{number:04}" for number in range(2000))
    name = "x" * 10_000 + "\n\x1b[2J"
    changed = tuple(GroupChange(7, Group(n, name, False, ()), Group(n, "b\r\n\nc", False, ids)) for n in range(3000))
    unknown = tuple(NotCompared(8, n, name, name) for n in range(3000))
    added = tuple(ScannedGroup(9, Group(n, name, False, ids)) for n in range(3000))
    text = ScanDiff((), (), (), added, (), changed, 3000, unknown, (), ()).to_text()
    lines = text.splitlines()
    assert len(lines) == 1 + 3 * 3 + 20 * (1 + 3 + 1)
    assert lines.count("- and 2,980 more") == 3
    assert '- section 7, group 0 "b c"' in lines
    assert "    2,000 joined: 0000, 0001, 0002, 0003, 0004 and 1,995 more" in lines
    assert max(map(len, lines)) < 500
    assert text.replace("\n", "").isprintable()
