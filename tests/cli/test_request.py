"""`partoo request`: any endpoint, with the client's retries, quota, errors and exit codes."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from partoo_async import APIStatusError, ConfigurationError
from partoo_async._protocol.http import Request
from partoo_async.cli.request_fields import parse_fields, split_query
from partoo_async.cli.request_output import curl_line, printed_error, show_object
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from partoo_async.models import BadRequestBody, BadRequestErrors
from tests.cli.conftest import Result
from tests.support.common import PATIENCE
from tests.support.each import each

Partoo = Callable[..., Result]
DEEP = "[" * 100_000 + "]" * 100_000


@each(
    ("texts", "typed", "fields"),
    [
        ([], [], {}),
        (["name=Région"], [], {"name": "Région"}),
        (["n=1", "t=true", "e="], [], {"n": "1", "t": "true", "e": ""}),
        (["q=a=b:=c"], [], {"q": "a=b:=c"}),
        ([], ["n=1", "f=1.5", "t=true", "f2=false", "x=null"], {"n": 1, "f": 1.5, "t": True, "f2": False, "x": None}),
        ([], ["zip=007", "name=Le Café", "s=[1]", 'q="a"'], {"zip": "007", "name": "Le Café", "s": "[1]", "q": '"a"'}),
        ([], ["ids:=[1, 2]", 'o:={"a": null}', 's:="x"'], {"ids": [1, 2], "o": {"a": None}, "s": "x"}),
        (["ids[]=a", "ids[]=b"], ["n[]=1", "n[]=x"], {"ids": ["a", "b"], "n": [1, "x"]}),
        (["ids[]"], [], {"ids": []}),
    ],
)
def test_fields(texts: list[str], typed: list[str], fields: dict[str, Any]) -> None:
    """`-f` has texts, `-F` what JSON calls a number, true, false or null, or any JSON behind `:=`; `[]` makes lists."""
    assert parse_fields(texts, typed) == fields


@each(
    ("texts", "typed", "problem"),
    [
        (["name"], [], "--raw-field: expected name=value, not 'name'"),
        (["=x"], [], "--raw-field: expected name=value"),
        ([], ["[]=x"], "--field: expected name=value, or name:=JSON"),
        (["a=1", "a=2"], [], r"--raw-field: a is given twice; several values are a\[\]=one a\[\]=two"),
        (["a=1", "a[]=2"], [], "a is given twice"),
        (["a[]=1", "a=2"], [], "a is given twice"),
        ([], ["a:={"], "--field a: expected JSON; it is not valid at 1:2"),
        ([], [f"a:={DEEP}"], "--field a: expected JSON; it is not valid"),
        ([], ["a=@/nowhere/at/all"], "--field: cannot read /nowhere/at/all: No such file or directory"),
    ],
)
def test_what_is_no_field(texts: list[str], typed: list[str], problem: str) -> None:
    """The message begins with the option."""
    with pytest.raises(ConfigurationError, match=problem):
        parse_fields(texts, typed)


def test_a_field_from_a_file(tmp_path: Path) -> None:
    """`-F name=@file` is the text of the file."""
    (tmp_path / "text").write_text("Région\n", encoding="utf-8")
    assert parse_fields([], [f"name=@{tmp_path}/text"]) == {"name": "Région\n"}
    (tmp_path / "text").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="it is not UTF-8"):
        parse_fields([], [f"name=@{tmp_path}/text"])


@each(
    ("path", "parts"),
    [
        ("/sections", ("/sections", {})),
        ("/sections?page=2&x=", ("/sections", {"page": "2", "x": ""})),
        ("https://api.example/v2/sections?page=2", ("/sections", {"page": "2"})),
    ],
)
def test_a_query_may_stand_in_the_path(path: str, parts: tuple[str, dict[str, str]]) -> None:
    """As it is copied from the documentation, or from a log, with the server's address."""
    assert split_query(path, "https://api.example/v2") == parts


@each("url", ["https://evil.example/v2/sections", "https://api.example/v2evil", "http://api.example/v2/x"])
def test_the_key_goes_to_the_chosen_server_alone(url: str) -> None:
    """A URL of another server is refused."""
    with pytest.raises(ConfigurationError, match="PATH: expected a path such as /sections, or a URL below"):
        split_query(url, "https://api.example/v2")


def test_a_pipe_gets_the_body_as_it_came(emulator: Emulator, partoo: Partoo) -> None:
    """Byte for byte, and nothing else anywhere."""
    result = partoo("request", "get", "/sections/1")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith('{"id":1,"name":"Example"')
    assert not result.out.endswith("\n")
    assert [(seen.method, seen.path) for seen in emulator.requests] == [("GET", "/v2/sections/1")]


@pytest.mark.usefixtures("emulator")
def test_include_prints_status_and_headers(partoo: Partoo) -> None:
    """`-i`, as with curl: status line, headers, an empty line, the body."""
    head, _, body = partoo("request", "GET", "/sections/1", "-i").out.partition("\n\n")
    assert head.splitlines()[0] == "HTTP/1.1 200 OK"
    assert "content-type: application/json" in head
    assert json.loads(body)["id"] == 1


@pytest.mark.usefixtures("emulator")
def test_a_response_as_one_object(partoo: Partoo) -> None:
    """`--json` has status, headers and body on one line; an error is JSON on standard error, too."""
    good = json.loads(partoo("request", "GET", "/sections/1", "--json").out)
    assert [*good] == ["status", "headers", "body"]
    assert (good["status"], good["headers"]["content-type"], good["body"]["name"]) == (
        200,
        "application/json",
        "Example",
    )
    bad = partoo("request", "GET", "/sections/999", "--json")
    assert (bad.code, json.loads(bad.out)["body"]) == (3, {"errors": {"json": "Resource not found"}})
    assert json.loads(bad.err)["error"]["status"] == 404
    planned = json.loads(partoo("request", "DELETE", "/sections/1", "-f", "a=b", "--dry-run", "--json").out)
    assert (planned["method"], planned["url"].rpartition("/v2")[2], planned["body"]) == (
        "DELETE",
        "/sections/1?a=b",
        None,
    )


@pytest.mark.usefixtures("emulator")
def test_an_error_shows_its_body_and_ends_as_other_commands(partoo: Partoo) -> None:
    """The body on standard output, the line on standard error, the code of the error."""
    result = partoo("request", "GET", "/sections/999", "-i")
    assert result.code == 3
    assert result.out.startswith("HTTP/1.1 404 Not Found\n")
    assert json.loads(result.out.partition("\n\n")[2]) == {"errors": {"json": "Resource not found"}}
    assert result.err.startswith("partoo: error: 404 Not Found for GET /sections/999")


def test_fields_are_the_query_of_a_read_and_the_body_of_a_write(emulator: Emulator, partoo: Partoo) -> None:
    """A list in a query is comma-separated."""
    assert (
        partoo("request", "GET", "/business/search?per_page=2", "-f", "query=é", "-f", "g[]=1", "-f", "g[]=2").code == 0
    )
    assert partoo("request", "POST", "/sections/5", "-f", "name=Renamed").code == 0
    assert emulator.sections[5].name == "Renamed"
    assert [seen.method for seen in emulator.requests] == ["GET", "POST"]


def test_a_body_from_standard_input(emulator: Emulator, partoo: Partoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--input -` is the JSON that is sent; fields are the query then."""
    monkeypatch.setattr(sys, "stdin", type("In", (), {"read": lambda _: '{"name": "From stdin"}'})())
    assert partoo("request", "POST", "/sections/5", "--input", "-", "-f", "x=1").code == 0
    assert emulator.sections[5].name == "From stdin"


@pytest.mark.usefixtures("emulator")
def test_what_is_wrong_with_the_words_names_them(partoo: Partoo) -> None:
    """No message speaks of an argument in Python."""
    for words, problem in (
        (("FETCH", "/sections"), "METHOD: expected one of GET, POST, PUT, PATCH, DELETE"),
        (("/sections", "GET"), "METHOD: expected one of"),
        (("GET", "/a/../b"), "PATH: '.' and '..' are not allowed"),
        (("GET", "/sections", "-F", "o:={}"), "--raw-field: 'o' is dict"),
        (("POST", "/sections", "--input", "/nowhere"), "--input: cannot read /nowhere: No such file"),
    ):
        result = partoo("request", *words)
        assert (result.code, result.out) == (2, ""), words
        assert result.err.startswith(f"partoo: error: {problem}"), words


def test_a_dry_run_sends_nothing_and_needs_no_key(
    emulator: Emulator, partoo: Partoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Method, URL, body, and the command of curl, in which the shell fills the key in."""
    monkeypatch.delenv("PARTOO_API_KEY")
    result = partoo("request", "POST", "/sections/7", "-f", "name=L'Été", "--dry-run")
    url = f"{emulator.url}/sections/7"
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        f"POST {url}",
        "",
        '{"name":"L\'Été"}',
        "",
        "curl -H \"x-APIKey: $PARTOO_API_KEY\" -X POST -H 'Content-Type: application/json' --data "
        f"""'{{"name":"L'"'"'Été"}}' '{url}'""",
    ]
    assert emulator.requests == ()


def test_the_line_for_curl_is_quoted_for_a_shell() -> None:
    """What stands in a query cannot be run."""
    request = Request("GET", "/sections?name=$(date)&x=';rm")
    assert curl_line(request, "https://h/v2") == (
        "curl -H \"x-APIKey: $PARTOO_API_KEY\" -X GET 'https://h/v2/sections?name=$(date)&x='\"'\"';rm'"
    )


@each(
    ("body", "printed"),
    [
        (None, b""),
        ("<html>", b"<html>\n"),
        ({"error": "é"}, '{"error": "é"}\n'.encode()),
        (BadRequestBody(BadRequestErrors({"name": ["taken"]})), b'{"errors": {"json": {"name": ["taken"]}}}\n'),
    ],
)
def test_bodies_of_errors(body: object, printed: bytes) -> None:
    """Decoded or not, they are printed as they came, more or less."""
    assert printed_error(APIStatusError(400, body).body) == printed


@pytest.mark.usefixtures("emulator")
def test_a_terminal_gets_json_laid_out(partoo: Partoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Indented, and without what a terminal would act on."""
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    result = partoo("request", "GET", "/sections/1")
    assert result.out.splitlines()[:3] == ["{", '  "id": 1,', '  "name": "Example",']


def test_json_that_nobody_can_read_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    """What is nested a hundred thousand deep is printed as it came, and as a field is a text."""
    asyncio.run(show_object(200, {}, DEEP.encode()))
    assert json.loads(capsys.readouterr().out)["body"] == DEEP
    assert parse_fields([], [f"a={DEEP}"]) == {"a": DEEP}


@each(("path", "fields"), [("/sections?page=1&page=2", []), ("/sections?page=1", ["-f", "page=2"])])
def test_no_parameter_is_lost(emulator: Emulator, partoo: Partoo, path: str, fields: list[str]) -> None:
    """One that is given twice is refused, and nothing is sent."""
    result = partoo("request", "GET", path, *fields)
    assert (result.code, emulator.requests) == (2, ())
    assert result.err.startswith("partoo: error: PATH: a parameter is given twice")


def test_a_slow_reader_does_not_keep_it_from_ending(serve: Callable[..., Emulator], spawn: Any) -> None:
    """While its pipe is full, SIGTERM ends the command though nobody reads."""
    groups = {n: EmulatedGroup(n, f"Group {n}", business_ids=["b" * 24] * 15_000) for n in (1,)}
    emulator = serve(rate_limit=None, sections=[EmulatedSection(7, "Large", groups)])
    process = spawn("request", "GET", "/sections/7/groups/1")
    while not emulator.requests:
        time.sleep(0.02)
    assert process.stdout.read(1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=PATIENCE) == 143
