"""`partoo doctor`: what is wrong is found, said in one line with what to do, and never ends in a traceback."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import socket
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from partoo_async import (
    SANDBOX,
    APIConnectionError,
    APIResponseValidationError,
    ConfigurationError,
    PartooClient,
    RetryPolicy,
)
from partoo_async._internal.secret import Secret
from partoo_async.cli.commands import doctor as command
from partoo_async.cli.doctor import network, setup
from partoo_async.cli.doctor.api import Response, judge_error, judge_response
from partoo_async.cli.doctor.certificate import Certificate
from partoo_async.cli.doctor.checkup import Checkup
from partoo_async.cli.doctor.finding import Finding, Mark, failed, found, verdict, warning
from partoo_async.cli.doctor.network import Place
from partoo_async.cli.doctor.proxies import check_proxies
from partoo_async.emulator import Emulator
from partoo_async.servers import resolve_server
from tests.cli.conftest import Result
from tests.support.common import PATIENCE
from tests.support.each import each
from tests.support.replying import replying

trustme = pytest.importorskip("trustme")

Partoo = Callable[..., Result]
SECTIONS = b'{"sections": [{"id": 1}], "page": 1, "max_page": 2, "count": 31}'
NOON = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
CA, STRANGER = trustme.CA(organization_name="Good CA"), trustme.CA(organization_name="Proxy Inc.")
CHECKS = ["versions", "fast path", "environment", "server", "key", "proxy", "name", "connection", "http"]


_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", *_CERTIFICATES):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def emulator(emulator: Emulator) -> Iterator[Emulator]:
    """It has taken every connection before it stops: one that is only opened may still wait to be accepted."""
    yield emulator
    with urllib.request.urlopen(emulator.url.removesuffix("/v2"), timeout=PATIENCE) as page:
        assert page.status == 200


def marks(result: Result) -> dict[str, str]:
    """The mark of each check, of the output as JSON."""
    return {one["check"]: one["mark"] for one in map(json.loads, result.out.splitlines())}


def line_of(result: Result, check: str) -> dict[str, Any]:
    return next(one for one in map(json.loads, result.out.splitlines()) if one["check"] == check)


def response(body: bytes, status: str = "200 OK", date: dt.datetime | None = None, more: str = "") -> bytes:
    told = format_datetime(date or dt.datetime.now(dt.UTC), usegmt=True)
    head = f"HTTP/1.1 {status}\r\nDate: {told}\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def test_all_is_well_with_the_emulator(emulator: Emulator, partoo: Partoo) -> None:
    """Each check is a line on standard output with a word for its mark; one request is sent; no key is shown."""
    result = partoo("doctor")
    assert (result.code, result.err) == (0, "partoo: all is well\n")
    lines = [line.split() for line in result.out.splitlines()]
    assert {line[0] for line in lines} == {"ok"}
    assert "the key sees 6 sections" in result.out
    assert emulator.api_key not in result.out
    assert [(seen.method, seen.path) for seen in emulator.requests] == [("GET", "/v2/sections")]


def test_findings_are_objects_for_programs(emulator: Emulator, partoo: Partoo) -> None:
    """`--json` prints one object a check, with facts in place of words; standard error stays empty."""
    result = partoo("doctor", "--json")
    assert (result.code, result.err) == (0, "")
    assert [*marks(result)] == [*CHECKS, "key accepted", "sections", "clock", "quota"]
    assert line_of(result, "sections")["facts"] == {"count": 6}
    assert line_of(result, "server")["facts"] == {"name": "custom", "url": emulator.url, "source": "PARTOO_SERVER"}
    assert line_of(result, "versions")["facts"]["extras"] == sorted(line_of(result, "versions")["facts"]["extras"])


def test_quiet_shows_what_is_not_ok(emulator: Emulator, partoo: Partoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-q` prints nothing if all is well, and else only warnings and failures."""
    assert partoo("doctor", "-q") == Result(0, "", "")
    monkeypatch.setenv("PARTOO_API_KEY", "wrong")
    assert [line.split()[0] for line in partoo("doctor", "-q").out.splitlines()] == ["failed", "->"]


@pytest.mark.usefixtures("emulator")
def test_a_wrong_key_is_a_failure_with_the_code_of_a_refusal(partoo: Partoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """All before it is ok, the code is 3, and the advice speaks of the server."""
    monkeypatch.setenv("PARTOO_API_KEY", "some-other-key")
    result = partoo("doctor", "--json")
    assert result.code == 3
    assert [name for name, mark in marks(result).items() if mark == "failed"] == ["key accepted"]
    assert "a key of this server" in line_of(result, "key accepted")["advice"]
    assert "some-other-key" not in result.out + result.err


def test_without_a_key_the_way_is_checked_all_the_same(
    emulator: Emulator, partoo: Partoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No key, no request; but the server's name and port are looked at, and the code is that of wrong usage."""
    monkeypatch.delenv("PARTOO_API_KEY")
    result = partoo("doctor", "--json")
    assert result.code == 2
    found_marks = marks(result)
    assert (found_marks["key"], found_marks["connection"], found_marks["http"]) == ("failed", "ok", "skipped")
    assert emulator.requests == ()


def test_nobody_listens(partoo: Partoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that refuses connections is code 4, with the system's own words."""
    monkeypatch.setenv("PARTOO_SERVER", "http://127.0.0.1:1/v2")
    monkeypatch.setenv("PARTOO_API_KEY", "key")
    result = partoo("doctor", "--json")
    assert result.code == 4
    assert line_of(result, "connection")["text"] == "port 1: 127.0.0.1: Connection refused"
    assert "partoo emulator" in line_of(result, "connection")["advice"]


@each("value", ["nonsense", "http://partoo.example/v2", "https://[", "https://user:hunter2@partoo.example", ""])
def test_a_broken_server_is_named_by_its_variable(value: str) -> None:
    """The rest cannot be tried; what may be a password is not repeated."""
    server, finding = setup.check_server(None, {"PARTOO_SERVER": value})
    assert server is None
    assert (finding.mark, finding.code) == (Mark.FAILED, 2)
    assert finding.text.startswith("PARTOO_SERVER: ")
    assert "hunter2" not in finding.text + finding.advice
    assert "set PARTOO_SERVER to production, sandbox or a URL" in finding.advice


def test_a_broken_server_ends_the_checks(partoo: Partoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection is tried, and the code is that of wrong usage."""
    monkeypatch.setenv("PARTOO_API_KEY", "key")
    result = partoo("doctor", "--server", "nonsense", "--json")
    assert result.code == 2
    assert line_of(result, "server")["text"].startswith("--server: unknown server")
    assert marks(result)["connection"] == marks(result)["http"] == "skipped"


@each(
    ("option", "variable", "text"),
    [
        (None, None, "production (https://api.partoo.co/v2), by default"),
        ("sandbox", "production", "sandbox (https://api.sandbox.partoo.co/v2), from --server"),
        (None, "sandbox", "sandbox (https://api.sandbox.partoo.co/v2), from PARTOO_SERVER"),
    ],
)
def test_the_server_and_who_chose_it(option: str | None, variable: str | None, text: str) -> None:
    """The option counts before the variable, and the variable before the default."""
    server, finding = setup.check_server(option, {} if variable is None else {"PARTOO_SERVER": variable})
    assert server is not None
    assert (finding.mark, finding.text) == (Mark.OK, text)


def test_an_address_of_partoo_without_its_version_is_a_warning() -> None:
    """The path /v2 is easily forgotten."""
    _, finding = setup.check_server("https://api.partoo.co", {})
    assert (finding.mark, "/v2" in finding.advice) == (Mark.WARNING, True)


@each(
    ("key", "mark", "text"),
    [
        (None, Mark.FAILED, "no key was given"),
        ("", Mark.FAILED, "empty"),
        (" \n", Mark.FAILED, "empty"),
        ("ab cd", Mark.FAILED, "holds a space"),
        ("Bearer abcd", Mark.FAILED, "holds a space"),
        ("clé", Mark.FAILED, "no header may hold"),
        ("k" * 600, Mark.FAILED, "longer than"),
        ("'abcd'", Mark.WARNING, "quote"),
        ('"abcd', Mark.WARNING, "quote"),
        ("abcd\n", Mark.WARNING, "left out"),
        ("...", Mark.WARNING, "placeholder"),
        ("your-api-key", Mark.WARNING, "placeholder"),
        ("$PARTOO_KEY", Mark.WARNING, "placeholder"),
        ("s3cr3t-abcd", Mark.OK, "not shown"),
    ],
)
def test_mistakes_in_the_key(key: str | None, mark: Mark, text: str) -> None:
    """What cannot be a key fails, what hardly is one warns; none of it is shown."""

    def find() -> tuple[Secret, str]:
        if key is None:
            raise ConfigurationError("api_key: no key was given; set PARTOO_API_KEY")
        return Secret(key), "PARTOO_API_KEY"

    found_key, finding = setup.check_key(find, {"PARTOO_API_KEY": key or ""})
    assert (found_key is None) is (mark is Mark.FAILED)
    assert finding.mark is mark
    assert text in finding.text
    assert (finding.code == 2) is (mark is Mark.FAILED)
    assert "abcd" not in repr(finding)


@each(
    ("variables", "advice"),
    [
        ({"PARTOO_API_KEY": "k"}, ""),
        ({"PARTOO_APIKEY": "k"}, "PARTOO_APIKEY is not read: did you mean PARTOO_API_KEY?"),
        ({"PARTOO_SERVEUR": "x", "PARTOO_SERVER": "sandbox"}, ""),
        ({"PARTOO_KEY_OF_ACME": "k"}, ""),
        ({"SSL_CERT_FILE": "/nowhere/ca.pem"}, "SSL_CERT_FILE names what does not exist"),
        ({"REQUESTS_CA_BUNDLE": "/x"}, "REQUESTS_CA_BUNDLE is not read"),
        ({"SSLKEYLOGFILE": "/x"}, "decrypts"),
        ({"PYTHONASYNCIODEBUG": "1"}, "slow"),
    ],
)
def test_variables_that_change_something(variables: dict[str, str], advice: str) -> None:
    """Typing errors and harmful ones are a warning."""
    finding = setup.check_environment(variables)
    assert finding.mark is (Mark.WARNING if advice else Mark.OK)
    assert advice in finding.advice


def test_secrets_in_variables_are_not_shown() -> None:
    """Neither the key nor a password in a URL."""
    text = repr(
        setup.check_environment(
            {
                "PARTOO_API_KEY": "abcd",
                "PARTOO_QUOTA": "redis://me:hunter2@host/0?password=hunter2",
                "PARTOO_TO": "hunter2",
            }
        )
    )
    assert "redis://***@host/0" in text
    assert "abcd" not in text
    assert "hunter2" not in text


@each(
    ("url", "shown"),
    [
        ("http://proxy:3128", "http://proxy:3128"),
        ("http://me:pass@proxy:3128/", "http://***@proxy:3128/"),
        ("redis://:pa/ss@host/0", "redis://***"),
        ("file:///a/b?x=1", "file:///a/b"),
    ],
)
def test_urls_without_passwords(url: str, shown: str) -> None:
    """A slash that was not escaped does not bare a half of one."""
    assert setup.without_password(url) == shown


def answered(body: bytes = SECTIONS, status: int = 200, **options: Any) -> list[Finding]:
    headers = {"date": format_datetime(NOON, usegmt=True), **options.pop("headers", {})}
    return judge_response(Response(status, headers, body, options.pop("at", NOON.timestamp() + 0.5), took=0.0))


def shown(findings: list[Finding]) -> dict[str, str]:
    return {one.check: str(one.mark) for one in findings}


@each(
    ("body", "status", "marks", "code"),
    [
        (SECTIONS, 200, {"http": "ok", "key accepted": "ok", "sections": "ok"}, 0),
        (b'{"sections": []}', 200, {"http": "ok", "key accepted": "ok", "sections": "warning"}, 0),
        (b'{"errors": {}}', 401, {"http": "ok", "key accepted": "failed", "sections": "skipped"}, 3),
        (b'{"errors": {}}', 403, {"http": "ok", "key accepted": "failed", "sections": "skipped"}, 3),
        (b"<html>log in", 401, {"http": "failed", "key accepted": "skipped", "sections": "skipped"}, 3),
        (b"<html>log in", 200, {"http": "failed", "key accepted": "skipped", "sections": "skipped"}, 3),
        (b'{"hello": 1}', 200, {"http": "failed", "key accepted": "skipped", "sections": "skipped"}, 3),
        (b"", 302, {"http": "failed", "key accepted": "skipped", "sections": "skipped"}, 3),
        (b'{"errors": {}}', 404, {"http": "failed", "key accepted": "skipped", "sections": "skipped"}, 3),
        (b"", 503, {"http": "failed", "key accepted": "skipped", "sections": "skipped"}, 4),
        (b"", 429, {"http": "warning", "key accepted": "skipped", "sections": "skipped"}, 0),
    ],
)
def test_what_a_response_tells(body: bytes, status: int, marks: dict[str, str], code: int) -> None:
    """Whether it is Partoo's API, takes the key, and shows sections; the clock is compared with any response."""
    findings = answered(body, status)
    assert shown(findings) == {**marks, "clock": "ok"}
    assert verdict(findings) == code
    assert all(one.advice for one in findings if one.mark in (Mark.WARNING, Mark.FAILED))


@each(
    ("ahead", "mark", "text"),
    [
        (0.0, "ok", "within 5 s"),
        (5.0, "ok", "within 5 s"),
        (-5.0, "ok", "within 5 s"),
        (6.0, "warning", "6.0 s ahead of the server"),
        (-3600.0, "warning", "1 h 00 min behind the server"),
    ],
)
def test_the_clock_is_compared_with_the_servers(ahead: float, mark: str, text: str) -> None:
    """More than five seconds are a warning: a Date has whole seconds, and a response takes time."""
    clock = next(one for one in answered(at=NOON.timestamp() + 0.5 + ahead) if one.check == "clock")
    assert (clock.mark, text in clock.text) == (mark, True)


@each("date", ["", "yesterday", "Thu, 99 Foo 2026"])
def test_a_date_that_is_none_is_passed_over(date: str) -> None:
    """A server may send anything."""
    assert shown(answered(headers={"date": date}))["clock"] == "skipped"


def test_limits_that_a_server_names_are_shown() -> None:
    """Headers of rate limits are no part of the documentation, but welcome."""
    (told,) = [one for one in answered(headers={"x-ratelimit-remaining": "12"}) if one.check == "rate limit"]
    assert told.text == "x-ratelimit-remaining: 12"


def test_errors_in_place_of_a_response() -> None:
    """A cut connection is code 4, what is no API code 3; what depends on the response is skipped."""
    cut = judge_error(APIConnectionError("GET /sections: cut", request_sent=False), 0.0, 0.0)
    assert verdict(cut) == 4
    assert "(the request was not sent)" in cut[0].text
    strange = judge_error(APIResponseValidationError(("expected JSON",)), 0.0, 0.0)
    assert verdict(strange) == 3
    assert {one.mark for one in strange[1:]} == {Mark.SKIPPED}


def test_the_first_failure_decides() -> None:
    """What comes after it may follow from it; warnings do not count."""
    first, second = failed("a", "", "do", 4), failed("b", "", "do", 3)
    assert verdict([warning("w", "", "do"), first, second]) == 4
    assert verdict([found("a", ""), warning("w", "", "do")]) == 0


PROXY = {"https_proxy": "http://me:pass@proxy:3128"}


@each(
    ("variables", "server", "mark", "text"),
    [
        ({}, "sandbox", "ok", "none is set"),
        (PROXY, "sandbox", "ok", "https_proxy=http://***@proxy:3128 is used"),
        (PROXY, "https://localhost:1", "ok", "https_proxy=http://***@proxy:3128, but not for a server of this machine"),
        (PROXY | {"no_proxy": "partoo.co"}, "sandbox", "ok", "no_proxy has api.sandbox.partoo.co"),
        (
            {"https_proxy": "socks5://me:pass@proxy:1080"},
            "sandbox",
            "failed",
            "https_proxy in the environment",
        ),
        ({"ALL_PROXY": "http://proxy:3128"}, "sandbox", "warning", "all_proxy=http://proxy:3128 is not read"),
        ({"http_proxy": "http://proxy:3128"}, "sandbox", "ok", "none is set"),
    ],
)
def test_proxies_in_the_environment(variables: dict[str, str], server: str, mark: str, text: str) -> None:
    """What becomes of the variables is said, and no password."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        _, finding = check_proxies(resolve_server(server))
    assert finding.mark == mark
    assert text in finding.text
    assert "pass" not in finding.text


def test_behind_a_proxy_the_way_is_that_to_the_proxy(partoo: Partoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's name need not resolve here; what the proxy says of the request is told."""
    monkeypatch.setenv("PARTOO_API_KEY", "key")
    with replying(b"HTTP/1.1 407 X\r\nContent-Length: 0\r\n\r\n") as (proxy, port):
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        result = partoo("doctor", "--server", "https://partoo.invalid/v2", "--json")
    assert result.code == 4
    assert proxy.requests[0].startswith(b"CONNECT partoo.invalid:443 ")
    assert {check: marks(result)[check] for check in ("proxy", "name", "connection", "http")} == {
        "proxy": "ok", "name": "ok", "connection": "ok", "http": "failed"
    }  # fmt: skip
    assert "the proxy responded 407" in line_of(result, "http")["text"]


def test_a_proxy_that_is_down(partoo: Partoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not taken for the server."""
    monkeypatch.setenv("PARTOO_API_KEY", "key")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    result = partoo("doctor", "--server", "https://partoo.invalid/v2", "--json")
    assert result.code == 4
    assert line_of(result, "connection")["text"].startswith("the proxy: port 9: 127.0.0.1: ")
    assert marks(result)["http"] == "skipped"


def test_a_server_that_is_not_partoo(partoo: Partoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A login page that answers 200 is no API."""
    monkeypatch.setenv("PARTOO_API_KEY", "key")
    with replying(response(b"<html>please log in</html>")) as (_, port):
        result = partoo("doctor", "--server", f"http://127.0.0.1:{port}", "--json")
    assert result.code == 3
    assert "login page" in line_of(result, "http")["advice"]


def test_a_server_whose_clock_differs(partoo: Partoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The skew is a warning, and the code stays 0."""
    monkeypatch.setenv("PARTOO_API_KEY", "key")
    late = dt.datetime.now(dt.UTC) - dt.timedelta(hours=2)
    with replying(response(SECTIONS, date=late)) as (_, port):
        result = partoo("doctor", "--server", f"http://127.0.0.1:{port}", "--json")
    assert result.code == 0
    assert marks(result)["clock"] == "warning"
    assert "2 h 00 min ahead of the server" in line_of(result, "clock")["text"]


@each("answer", [b"not http at all\r\n\r\n", b""])
def test_a_server_that_speaks_something_else(answer: bytes) -> None:
    """No HTTP, or nothing: code 4, and a line that says what to do."""
    with pytest.MonkeyPatch.context() as patch, replying(answer) as (_, port):
        patch.setenv("PARTOO_SERVER", f"http://127.0.0.1:{port}")
        findings = _run()
    assert verdict(findings) == 4
    assert next(one for one in findings if one.check == "http").advice


async def test_a_keyring_that_never_answers_ends_in_time() -> None:
    """It may wait for a password that nobody types."""
    release = threading.Event()

    def find(_: object) -> tuple[Secret, str]:
        release.wait(PATIENCE)
        return Secret("key"), "the keyring"

    checkup = Checkup("sandbox", None, find, {}, 0.01, PartooClient)
    key, finding = await checkup._key(SANDBOX)
    release.set()
    assert (key, finding.mark, finding.code) == (None, Mark.FAILED, 2)


def test_a_server_that_never_answers_ends_in_time() -> None:
    """Each step is bounded."""
    with pytest.MonkeyPatch.context() as patch, replying(None) as (_, port):
        patch.setenv("PARTOO_SERVER", f"http://127.0.0.1:{port}")
        findings = _run(limit=0.05)
    assert next(one for one in findings if one.check == "http").mark is Mark.FAILED


def _run(limit: float = 5.0) -> list[Finding]:
    """All findings, as the command gathers them."""

    def connect(key: Secret) -> PartooClient:
        return PartooClient(key, timeout=limit, retry=RetryPolicy(max_retries=0))

    async def run() -> list[Finding]:
        checkup = Checkup(None, None, lambda _: (Secret("key"), "here"), os.environ, limit, connect)
        return [finding async for finding in checkup.findings()]

    return asyncio.run(run())


@pytest.mark.usefixtures("emulator")
def test_a_check_that_breaks_is_a_finding(partoo: Partoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is broken about an environment, the other checks are made."""
    monkeypatch.setattr(setup, "check_versions", lambda: {}["no metadata"])
    result = partoo("doctor", "--json")
    assert result.code == 4
    assert line_of(result, "versions")["text"] == "the check itself failed: KeyError"
    assert marks(result)["key accepted"] == "ok"


@contextmanager
def tls_server(certificate: Any) -> Iterator[Place]:
    """A server that shakes hands and hangs up."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                connection, _ = listener.accept()
                with suppress(OSError), connection, context.wrap_socket(connection, server_side=True):
                    pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield Place("127.0.0.1", listener.getsockname()[1], PATIENCE)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE)
        listener.close()


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    CA.configure_trust(context)
    return context


NOW = dt.datetime.now(dt.UTC)


@pytest.mark.parametrize(
    ("certificate", "mark", "text", "advice"),
    [
        (CA.issue_cert("127.0.0.1", not_after=NOW + dt.timedelta(90)), "ok", "from Good CA, valid until", ""),
        (CA.issue_cert("127.0.0.1", not_after=NOW + dt.timedelta(3.5)), "warning", "TLSv1", "it ends in 3 days:"),
        (CA.issue_cert("127.0.0.1", not_after=NOW + dt.timedelta(0.5)), "warning", "TLSv1", "it ends within a day:"),
        (STRANGER.issue_cert("127.0.0.1"), "failed", "from Proxy Inc.", "CA certificate of Proxy Inc."),
        (CA.issue_cert("127.0.0.1", not_after=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)), "failed", "expired", "clock"),
        (CA.issue_cert("elsewhere.example"), "failed", "elsewhere.example", "server's URL"),
    ],
    ids=["trusted", "ends soon", "ends today", "unknown CA", "expired", "another host"],
)
async def test_certificates(
    monkeypatch: pytest.MonkeyPatch, certificate: Any, mark: str, text: str, advice: str
) -> None:
    """Who issued it and until when it is valid; a stranger's CA is named, since it may be the company's proxy."""
    monkeypatch.setattr(network, "default_context", trusting)
    with tls_server(certificate) as place:
        finding = await network.check_tls(place, "127.0.0.1", NOW.timestamp())
    assert finding.mark == mark
    assert text in finding.text
    assert advice in finding.advice


@pytest.mark.parametrize("hour", range(24))
def test_days_left_at_any_hour(hour: int) -> None:
    """Half a day more than three is three days, whatever time it is."""
    now = dt.datetime(2026, 11, 29, hour, tzinfo=dt.UTC)
    end = now + dt.timedelta(3.5)
    certificate = Certificate.of({"notAfter": end.strftime("%b %d %H:%M:%S %Y GMT")})
    assert (certificate.days_left(now.timestamp()), certificate.ends) == (3, end.date().isoformat())


async def test_a_port_without_tls(emulator: Emulator) -> None:
    """An https URL of a port that speaks plain HTTP fails in words."""
    port = int(emulator.url.split(":")[2].split("/")[0])
    finding = await network.check_tls(Place("127.0.0.1", port, 5.0), "127.0.0.1", 0.0)
    assert (finding.mark, finding.code) == (Mark.FAILED, 4)
    assert "plain HTTP" in finding.advice


async def test_a_name_that_nobody_knows() -> None:
    """The system's own words, and where to look."""
    addresses, finding = await network.check_name(Place("nowhere.invalid", 443, 5.0))
    assert (addresses, finding.mark, finding.code) == ([], Mark.FAILED, 4)
    assert finding.text.startswith("the name nowhere.invalid was not resolved")


async def test_a_slow_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lookup that hangs ends after the limit."""
    release = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: release.wait(PATIENCE))
    _, finding = await network.check_name(Place("partoo.example", 443, 0.01))
    release.set()
    assert finding.text == "the name partoo.example was not resolved within 0.01 s"


async def test_an_address_that_is_silent_is_a_warning(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """One address answers, and connections may wait for the other."""
    open_connection = asyncio.open_connection

    async def silent(host: str, port: int) -> Any:
        await (asyncio.sleep(PATIENCE) if host == "192.0.2.1" else asyncio.sleep(0))
        return await open_connection(host, port)

    monkeypatch.setattr(asyncio, "open_connection", silent)
    port = int(emulator.url.split(":")[2].split("/")[0])
    address, finding = await network.check_connection(Place("x", port, 0.2), ["192.0.2.1", "127.0.0.1"])
    assert (address, finding.mark) == ("127.0.0.1", Mark.WARNING)
    assert "192.0.2.1 is silent" in finding.text


def test_a_certificate_without_names() -> None:
    """What a server leaves out is left out."""
    certificate = Certificate.of({})
    assert (str(certificate), certificate.days_left(0.0)) == ("certificate of nobody from nobody", None)


def test_a_shared_quota(emulator: Emulator, partoo: Partoo, tmp_path: Path) -> None:
    """The request counts in it, and its members are shown."""
    assert emulator.requests == ()
    result = partoo("doctor", "--quota", f"file://{tmp_path}/quota", "--json")
    quota = line_of(result, "quota")
    assert (result.code, quota["mark"]) == (0, "ok")
    assert quota["facts"] == {"mode": "shared", "members": 1}


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize(
    ("url", "code", "text"),
    [
        ("file:///nowhere/at/all/quota", 4, "cannot be used"),
        ("redis://me:hunter2@127.0.0.1:1/0", 4, "cannot be used"),
        ("nonsense", 2, "--quota: expected a URL"),
    ],
)
def test_a_quota_that_cannot_be_shared(partoo: Partoo, url: str, code: int, text: str) -> None:
    """Where the store is out of reach, each process takes a part; a URL that is none is wrong usage."""
    result = partoo("doctor", "--quota", url, "--json")
    quota = line_of(result, "quota")
    assert (result.code, quota["mark"]) == (code, "failed")
    assert text in quota["text"]
    assert "hunter2" not in result.out + result.err


@each(
    ("marks", "text"),
    [
        ([Mark.OK, Mark.SKIPPED], "all is well"),
        ([Mark.WARNING, Mark.OK], "1 warning"),
        ([Mark.WARNING, Mark.FAILED, Mark.WARNING], "1 failed, 2 warnings"),
    ],
)
def test_the_last_line_counts(marks: list[Mark], text: str) -> None:
    """What failed, then what is doubtful."""
    assert command._summary([Finding("check", mark, "") for mark in marks]) == text
