"""Which server a client talks to, and which addresses the key may never go to."""

from __future__ import annotations

import pickle

import attrs
import pytest

from partoo_async.errors import ConfigurationError
from partoo_async.servers import PRODUCTION, SANDBOX, Server, is_same_server, resolve_server
from tests.support.each import each

KEY = "zq7Kp2mVx9Lr4Tn8"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARTOO_SERVER", raising=False)


def test_ready_servers() -> None:
    """The two addresses of the official document."""
    assert (PRODUCTION.name, PRODUCTION.base_url) == ("production", "https://api.partoo.co/v2")
    assert (SANDBOX.name, SANDBOX.base_url) == ("sandbox", "https://api.sandbox.partoo.co/v2")


def test_a_server_is_a_value() -> None:
    """A server is frozen, compares by value, pickles, and prints name and address."""
    twin = Server("sandbox", "https://api.sandbox.partoo.co/v2/")
    assert twin == SANDBOX
    assert hash(twin) == hash(SANDBOX)
    assert pickle.loads(pickle.dumps(SANDBOX)) == SANDBOX
    assert str(SANDBOX) == "sandbox (https://api.sandbox.partoo.co/v2)"
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        SANDBOX.base_url = "https://elsewhere.example"  # type: ignore[misc]


@each(
    ("url", "base_url"),
    [
        pytest.param("https://api.partoo.co/v2", "https://api.partoo.co/v2", id="as it is"),
        pytest.param("https://api.partoo.co/v2/", "https://api.partoo.co/v2", id="slash at the end"),
        pytest.param("https://api.partoo.co/v2///", "https://api.partoo.co/v2", id="slashes at the end"),
        pytest.param(" https://api.partoo.co/v2\n", "https://api.partoo.co/v2", id="pasted with white space"),
        pytest.param("https://proxy.example:8443", "https://proxy.example:8443", id="port, no path"),
        pytest.param("https://[2001:db8::1]:8443/v2", "https://[2001:db8::1]:8443/v2", id="IPv6"),
        pytest.param("http://localhost:8080", "http://localhost:8080", id="loopback name"),
        pytest.param("http://partoo.localhost/v2", "http://partoo.localhost/v2", id="name under localhost"),
        pytest.param("http://LOCALHOST:8080", "http://localhost:8080", id="names know no case"),
        pytest.param("http://127.0.0.1:8080/v2", "http://127.0.0.1:8080/v2", id="loopback IPv4"),
        pytest.param("http://127.9.8.7", "http://127.9.8.7", id="all of 127/8 is loopback"),
        pytest.param("http://[::1]:8080", "http://[::1]:8080", id="loopback IPv6"),
    ],
)
def test_accepted_urls(url: str, base_url: str) -> None:
    """Any https URL is a server, and a plain http one on this machine; the slash at the end goes."""
    assert Server("mine", url).base_url == base_url
    assert resolve_server(url).base_url == base_url


@each(
    "url",
    [
        pytest.param("https://API.Partoo.co/v2", id="capitals in the host"),
        pytest.param("HTTPS://api.partoo.co/v2", id="capitals in the scheme"),
        pytest.param("https://api.partoo.co:443/v2", id="the default port"),
        pytest.param("https://api.partoo.co:/v2/", id="an empty port"),
        pytest.param("https://api.partoo.co/%762", id="an escape without need"),
        pytest.param("https://api.partoo.co/v1/../v2/./", id="dot segments"),
        pytest.param("https://api.partoo.co/%2E%2e/v2", id="escaped dot segments"),
    ],
)
def test_two_spellings_of_one_url_are_one_server(url: str) -> None:
    """RFC 3986, 6.2.2 and 6.2.3: they compare equal, and so have one quota and one journal."""
    assert Server("production", url) == PRODUCTION
    assert is_same_server(url, PRODUCTION.base_url)


@each(
    ("one", "other"),
    [
        ("https://api.partoo.co/v2", "https://api.partoo.co/V2"),
        ("https://api.partoo.co/v2", "https://api.partoo.co:8443/v2"),
        ("https://localhost/v2", "http://localhost/v2"),
        ("http://localhost:443", "http://localhost"),
        ("https://api.partoo.co/a%2Fb", "https://api.partoo.co/a/b"),
        ("https://api.partoo.co//v2", "https://api.partoo.co/v2"),
        ("no URL", "no URL"),
    ],
)
def test_what_may_differ_is_another_server(one: str, other: str) -> None:
    """Paths know case, and an escaped slash is no slash; nothing is guessed."""
    assert not is_same_server(one, other)


def test_escapes_are_written_in_capitals() -> None:
    """``%c3`` and ``%C3`` are one character, and stay escaped."""
    assert Server("mine", "https://x.example/caf%c3%A9").base_url == "https://x.example/caf%C3%A9"


@each(
    "url",
    [
        pytest.param("http://api.partoo.co/v2", id="plain http"),
        pytest.param("HTTP://api.partoo.co/v2", id="plain http in capitals"),
        pytest.param("http://192.168.0.10", id="plain http in the local network"),
        pytest.param("http://10.0.0.1", id="plain http in a private network"),
        pytest.param("http://0.0.0.0:8080", id="any address is not loopback"),
        pytest.param("http://localhost.evil.example", id="localhost in front"),
        pytest.param("http://evillocalhost", id="localhost behind"),
        pytest.param("http://127.0.0.1.evil.example", id="loopback address in front"),
        pytest.param("http://evil.example\\.localhost", id="backslash ends the host for others"),
        pytest.param("http://evil.example%2f.localhost", id="escaped slash in the host"),
        pytest.param("http://evil.example%5c.localhost", id="escaped backslash in the host"),
        pytest.param("http://localhost@evil.example", id="loopback name as user"),
    ],
)
def test_the_key_never_travels_in_clear(url: str) -> None:
    """Plain http goes to this machine only, however the host is dressed up."""
    with pytest.raises(ConfigurationError, match=r"^server: "):
        Server("mine", url)
    with pytest.raises(ConfigurationError, match=r"^server: "):
        resolve_server(url)


@each("url", ["https://m\u00fcnchen.example/v2", "https://api.partoo.co/\u00e9"])
def test_a_url_that_is_not_ascii_is_refused(url: str) -> None:
    """It has to be written as it is sent, and the error says how."""
    with pytest.raises(ConfigurationError, match=r"server: expected ASCII alone; write the host as xn--"):
        Server("x", url)


@each(
    "url",
    [
        pytest.param(f"https://{KEY}@api.partoo.co/v2", id="user"),
        pytest.param(f"https://user:{KEY}@api.partoo.co/v2", id="password"),
        pytest.param(f"https://:{KEY}@api.partoo.co/v2", id="password without user"),
        pytest.param(f"https://api.partoo.co/v2?api_key={KEY}", id="query"),
        pytest.param(f"https://api.partoo.co/v2#{KEY}", id="fragment"),
        pytest.param(f"https://user:{KEY}@[broken/v2", id="a URL that does not parse"),
        pytest.param(f"https://user:{KEY}@api.partoo.co:port/v2", id="a port that is none"),
        pytest.param(f"ftp://{KEY}@api.partoo.co/v2", id="another scheme"),
        pytest.param(KEY, id="the key where the server belongs"),
    ],
)
def test_a_key_in_the_url_is_refused_and_not_echoed(url: str) -> None:
    """A URL is printed and logged, so it may hold no credentials; the refusal does not print them either."""
    with pytest.raises(ConfigurationError) as caught:
        resolve_server(url)
    assert KEY not in str(caught.value)
    assert str(caught.value).startswith("server: ")


@each(
    "url",
    [
        pytest.param("", id="empty"),
        pytest.param("https://", id="no host"),
        pytest.param("https:///v2", id="no host but a path"),
        pytest.param("https://:8443/v2", id="port without host"),
        pytest.param("https://@api.partoo.co/v2", id="empty user"),
        pytest.param("https://api.partoo.co/v2?", id="empty query: every path would become a query"),
        pytest.param("https://api.partoo.co/v2#", id="empty fragment: every path would be cut off"),
        pytest.param("https://api.partoo.co:99999/v2", id="port out of range"),
        pytest.param("https://api.partoo.co/a b", id="space"),
        pytest.param("https://api.part\noo.co/v2", id="line break"),
        pytest.param("https://api.partoo.co/v2\x00", id="NUL at the end"),
        pytest.param("\x00https://api.partoo.co/v2", id="NUL in front"),
        pytest.param("https://api.partoo.co/\x7fv2", id="control character"),
        pytest.param("https://[::1", id="open bracket"),
        pytest.param("ftp://api.partoo.co/v2", id="ftp"),
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param("javascript://api.partoo.co", id="script"),
    ],
)
def test_refused_urls(url: str) -> None:
    """What is no base URL is refused when the client is made, and the error says which argument it was."""
    with pytest.raises(ConfigurationError, match=r"^server: "):
        Server("mine", url)


@each("value", [None, 7, b"https://api.partoo.co/v2", True, ["https://api.partoo.co/v2"]])
def test_a_base_url_is_a_string(value: object) -> None:
    """No other type is taken for a URL."""
    with pytest.raises(ConfigurationError, match=r"^server: "):
        Server("mine", value)  # type: ignore[arg-type]


@each(
    ("value", "server"),
    [
        pytest.param(SANDBOX, SANDBOX, id="a server"),
        pytest.param("production", PRODUCTION, id="production"),
        pytest.param("sandbox", SANDBOX, id="sandbox"),
        pytest.param(" Sandbox ", SANDBOX, id="as people type it"),
        pytest.param(None, PRODUCTION, id="production is the default"),
        pytest.param("https://a.example", Server("custom", "https://a.example"), id="a URL"),
    ],
)
def test_resolve(value: Server | str | None, server: Server) -> None:
    """A server is given as a value, by its name, as a URL, or not at all."""
    assert resolve_server(value) == server


@each(
    ("value", "server"),
    [
        pytest.param("sandbox", SANDBOX, id="name"),
        pytest.param("production", PRODUCTION, id="the default, said aloud"),
        pytest.param("https://a.example/v2/", Server("custom", "https://a.example/v2"), id="URL"),
    ],
)
def test_environment(value: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """``PARTOO_SERVER`` says it when the argument does not; an argument wins."""
    monkeypatch.setenv("PARTOO_SERVER", value)
    assert resolve_server(None) == server
    assert resolve_server("sandbox") == SANDBOX
    assert resolve_server("production") == PRODUCTION


@each("value", ["", " ", "sandbx", "staging", "api.partoo.co/v2"])
def test_unknown_names(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt sandbox must not become production; the error says where it was misspelt and what there is."""
    with pytest.raises(ConfigurationError, match=r"^server: .*'production', 'sandbox'"):
        resolve_server(value)
    monkeypatch.setenv("PARTOO_SERVER", value)
    with pytest.raises(ConfigurationError, match=r"^PARTOO_SERVER: .*'production', 'sandbox'"):
        resolve_server(None)


@each("value", [7, True, b"sandbox", ["sandbox"], object()])
def test_other_types(value: object) -> None:
    """Anything else is an error that names the argument."""
    with pytest.raises(ConfigurationError, match=r"^server: "):
        resolve_server(value)  # type: ignore[arg-type]


@each("host", ["api..partoo.co", ".partoo.co", "a" * 64 + ".co", "partoo.co.."])
def test_what_is_no_host_name(host: str) -> None:
    """It is refused at once: a call would try it several times, as if it could succeed later."""
    with pytest.raises(ConfigurationError, match="^server: expected a host name"):
        resolve_server(f"https://{host}/v2")


@each("host", ["partoo.co.", "a" * 63 + ".co", "[::1]", "127.0.0.1", "my_server"])
def test_what_is_a_host_name(host: str) -> None:
    """Also with the dot of the root, and with an underscore, which some networks have."""
    assert resolve_server(f"https://{host}/v2").base_url == f"https://{host}/v2"
