"""How much is said on standard error, and in which words and form."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

import pytest

from partoo_async import ConfigurationError, RequestEvent, RetryEvent, Server
from partoo_async.cli.listeners import Retries
from partoo_async.cli.options import ClientOptions
from partoo_async.cli.process import tell
from partoo_async.cli.volume import VOLUME
from partoo_async.cli.wording import in_options, named
from partoo_async.emulator import Emulator
from tests.cli.conftest import Result
from tests.support.each import each

Partoo = Callable[..., Result]
SERVER = Server("local", "http://127.0.0.1:1")


@each(
    ("text", "expected"),
    [
        ("it exists already; resume=True (--resume) goes on", "it exists already; --resume goes on"),
        ("9 failed, and max_failures=8 tolerates no more", "9 failed, and --max-failures 8 tolerates no more"),
        ("no response within timeout=0.1 s", "no response within --timeout 0.1 s"),
        ("goes with journal=..., the file", "goes with --journal, the file"),
        ("too many; rate_limit=None switches it off", "too many; --rate-limit none switches it off"),
        ("see RateLimit(share=...) and RateLimit(pacing='smooth'))", "see --share)"),
        ("the API reads it; a store code is given as code=", "the API reads it; a store code is given as --code"),
        (
            "expected the suffix .csv or .ndjson, or format=, not 'x'",
            "expected the suffix .csv or .ndjson, or --format, not 'x'",
        ),
        ("redis://host/0?timeout=5 and https://h/timeout=5", "redis://host/0?timeout=5 and https://h/timeout=5"),
        ("unknown=5 stays", "unknown=5 stays"),
    ],
)
def test_messages_speak_of_options(text: str, expected: str) -> None:
    """Arguments of Python become options, wherever they stand; URLs and other words stay."""
    assert in_options(text) == expected


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["group", "1", "x"], "GROUP_ID: "),
        (["sections", "--timeout", "x"], "--timeout: "),
        (["sections", "-v", "--org-id", "1.5"], "--org-id: "),
        (["emulator", "--latency", "-1"], "--latency: "),
        (["report", "none.db", "--most", "-1"], "--most: "),
        (["scan", "--strategy", "never"], "--strategy: 'never' is not one of 'groups', 'businesses', 'auto'"),
    ],
)
def test_wrong_words_are_told_as_all_errors(partoo: Partoo, words: list[str], line: str) -> None:
    """What typer finds wrong begins with the option, too, and speaks of no library."""
    result = partoo(*words)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"partoo: error: {line}")
    assert not any(foreign in result.err for foreign in ("Invalid value", "Input should", "Value error", "parse"))


def test_the_name_in_front_is_that_of_the_option() -> None:
    """What the package calls `org_id` is `--org-id`; a command may have a name of its own for it."""
    assert named("org_id: expected an id") == "--org-id: expected an id"
    assert named("no name at all") == "no name at all"
    assert named("journal: damaged", {"journal": "JOURNAL"}) == "JOURNAL: damaged"


@pytest.mark.usefixtures("emulator")
@each(
    ("words", "begins"),
    [
        (["scan", "9" * 20], "SECTION_ID: "),
        (["scan", "1", "--group", "-1"], "--group: "),
        (["scan", "1", "--journal", "/no/such/folder/j"], "--journal: "),
        (["scan", "1", "--output", "groups.xls"], "--output: "),
        (["scan", "1", "--max-failures", "x"], "--max-failures: "),
        (["scan", "--all", "--org-id", "-1"], "--org-id: "),
        (["scan", "1", "--share", "0"], "--share: "),
        (["scan", "1", "--share", "2"], "--share: "),
        (["scan", "1", "--rate-limit", "x"], "--rate-limit: "),
        (["scan", "1", "--rate-limit", "9" * 400], "--rate-limit: "),
        (["scan", "1", "--timeout", "0"], "--timeout: "),
        (["scan", "1", "--quota", "ftp://host"], "--quota: "),
        (["scan", "1", "--server", "ftp://host"], "--server: "),
        (["scan", "1", "--max-outage", "inf"], "--max-outage: "),
        (["sections", "--org-id", "-1"], "--org-id: "),
        (["business", ""], "ID: "),
        (["business", "--code", ""], "--code: "),
        (["businesses", "--group", "-1"], "--group: "),
        (["businesses", "--status", ""], "--status: "),
        (["businesses", "--org-id", "-1"], "--org-id: "),
        (["group", "--", "-1", "1"], "SECTION_ID: "),
        (["group", "--", "1", "-1"], "GROUP_ID: "),
        (["group", "add", "1", "1", ""], "BUSINESS_ID: "),
        (["sync", "--state", ""], "--state: "),
        (["sync", "--state", "s", "--to", "ftp://x"], "--to: "),
        (["sync", "--state", "s", "--report", "x.doc"], "--report: "),
        (["sync", "--state", "s", "--organization", ""], "--organization: "),
        (["sync", "--state", "s", "--verify", "2", "--strategy", "groups"], "--verify: "),
        (["watch", "--every", "never"], "--every: "),
        (["watch", "--every", "1h", "--exec", "/no/such/program"], "--exec: "),
        (["diff", "/no/such", "/no/such"], "BEFORE: "),
        (["report", "/no/such"], "JOURNAL: "),
        (["report", "x", "--output", "x.doc"], "--output: "),
        (["quota", "ftp://x"], "URL: "),
    ],
)
def test_a_bad_value_is_told_by_its_option(
    partoo: Partoo, monkeypatch: pytest.MonkeyPatch, tmp_path: object, words: list[str], begins: str
) -> None:
    """Whatever the package refuses, its message begins with the option or argument that was typed."""
    monkeypatch.chdir(str(tmp_path))
    result = partoo(*words)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"partoo: error: {begins}")
    assert len(result.err.splitlines()) == 1


@pytest.mark.usefixtures("emulator")
def test_errors_are_json_with_json(partoo: Partoo) -> None:
    """One object a line on standard error: what an item of a scan has as its error, and the number of attempts."""
    result = partoo("group", 7, 99999, "--json")
    assert (result.code, result.out) == (3, "")
    (error,) = (json.loads(line)["error"] for line in result.err.splitlines())
    assert error.pop("message").startswith("404 Not Found for GET /sections/7/groups/99999")
    assert error == {"type": "NotFoundError", "status": 404, "transient": False, "attempts": 1}
    error = json.loads(partoo("group", 7, 1, "--json", "--timeout", "-1").err)["error"]
    assert (error["type"], error["message"].partition(":")[0]) == ("ConfigurationError", "--timeout")
    error = json.loads(partoo("group", 7, "--json").err)["error"]
    assert (error["type"], error["status"], error["attempts"]) == ("UsageError", None, 0)
    assert "GROUP_ID" in error["message"]


def test_a_word_behind_two_dashes_is_no_option(partoo: Partoo) -> None:
    """`-- --json` is an argument, so the error is text."""
    assert partoo("group", "--", "--json").err.startswith("partoo: error: ")


@pytest.mark.usefixtures("emulator")
def test_a_wrong_key_is_one_line(partoo: Partoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback, no second line, and not the key."""
    monkeypatch.setenv("PARTOO_API_KEY", "some-other-key")
    result = partoo("group", 7, 42)
    assert (result.code, result.out) == (3, "")
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith("partoo: error: 401 Unauthorized")
    assert "some-other-key" not in result.err


def test_verbose_tells_of_retries(emulator: Emulator, partoo: Partoo) -> None:
    """-v prints what the client logs of a retry; without it a short wait is no line."""
    emulator.faults.add("status", times=1, status=503)
    assert "503" in partoo("group", 7, 42, "-v").err
    emulator.faults.add("status", times=1, status=503)
    assert logging.getLogger("partoo_async").level == logging.NOTSET
    monkeyed = partoo("group", 7, 42)
    assert (monkeyed.code, "info:" in monkeyed.err) == (0, False)


def test_verbose_explains_errors(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """-v prints the long form below the line, in the words of the command line."""
    monkeypatch.setattr(VOLUME, "verbose", 1)
    monkeypatch.setattr(VOLUME, "as_json", False)
    error = ConfigurationError("org_id: expected an id")
    monkeypatch.setattr(
        type(error), "explain", lambda _: "Error: expected\nan id\n\nWhat:\n  give org_id=\x1b5", raising=False
    )
    tell(error)
    expected = "partoo: error: --org-id: expected an id\n\nWhat:\n  give --org-id\\x1b5\n"
    assert capsys.readouterr().err == expected


@each(
    ("wait", "verbose", "quiet", "said"),
    [(2.14, 0, False, True), (0.9, 0, False, False), (2.14, 1, False, False), (2.14, 0, True, False)],
)
def test_a_long_wait_is_told(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    wait: float,
    verbose: int,
    quiet: bool,
    said: bool,
) -> None:
    """A second or more is a line, unless -v logs it, or -q is given."""
    monkeypatch.setattr(VOLUME, "verbose", verbose)
    monkeypatch.setattr(VOLUME, "quiet", quiet)
    retries = Retries()
    retries(RequestEvent("GET /sections/7", 503, "InternalServerError", 0.1, 1, SERVER))
    retries(RetryEvent("GET /sections/7", "InternalServerError", 1, wait))
    line = "partoo: warning: GET /sections/7: 503 from the server, attempt 2 in 2.1 s\n"
    assert capsys.readouterr().err == (line if said else "")


@pytest.mark.parametrize(("words", "seen"), [((), ["warning"]), (("-v",), ["warning", "info"]), (("-q",), [])])
def test_the_log_is_heard_as_loud_as_asked_for(
    partoo: Partoo, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], seen: list[str]
) -> None:
    """Warnings by default, retries with -v, neither with -q; afterwards the log is as it was."""
    logger = logging.getLogger("partoo_async.retry")

    def log(*_: object, **__: object) -> None:
        logger.warning("w")
        logger.info("i")
        logger.debug("d")
        raise ConfigurationError("enough")

    monkeypatch.setattr(ClientOptions, "connect", log)
    lines = partoo("sections", *words).err.splitlines()
    assert [line.split()[1].rstrip(":") for line in lines if line.startswith("partoo: ")] == [*seen, "error"]
    assert logging.getLogger("partoo_async").level == logging.NOTSET
