"""A proxy that the environment names: commands use it as other programs do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from partoo_async.cli.proxies import needs_environment
from partoo_async.servers import PRODUCTION, Server
from tests.cli.conftest import Result
from tests.support.each import each
from tests.support.replying import replying

Partoo = Callable[..., Result]
HOST = "https://partoo.invalid/v2"
REFUSAL = b"HTTP/1.1 407 X\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("PARTOO_API_KEY", "key")


@each("scan_many", [False, True])
def test_a_command_asks_the_proxy_of_the_environment(
    scan_many: bool, partoo: Partoo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The server is reached by a tunnel, and what the proxy says is told; the key is not shown to it."""
    (tmp_path / "some.toml").write_text('[acme]\nkey_env = "PARTOO_API_KEY"\n')
    command = ["scan-many", str(tmp_path / "some.toml")] if scan_many else ["sections"]
    with replying(REFUSAL) as (proxy, port):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        result = partoo(*command, "--server", HOST)
    assert result.code == 4
    assert "the proxy responded 407" in result.out + result.err
    assert proxy.requests[0].startswith(b"CONNECT partoo.invalid:443 ")
    assert b"x-apikey" not in proxy.requests[0].lower()


@each("variables", [{"https_proxy": "http://x:1", "no_proxy": "127.0.0.1"}, {"http_proxy": "http://127.0.0.1:9"}])
@pytest.mark.usefixtures("emulator")
def test_a_server_of_this_machine_needs_none(
    variables: dict[str, str], partoo: Partoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An emulator is asked directly, whatever is set."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert partoo("sections").code == 0


@each(
    ("server", "variables", "needed"),
    [
        (PRODUCTION, {}, False),
        (PRODUCTION, {"https_proxy": "http://proxy:1"}, True),
        (PRODUCTION, {"http_proxy": "http://proxy:1"}, False),
        (PRODUCTION, {"https_proxy": "http://proxy:1", "no_proxy": ".partoo.co"}, False),
        (Server("here", "https://localhost:1"), {"https_proxy": "http://proxy:1"}, False),
        (Server("here", "https://[::1]:1"), {"https_proxy": "http://proxy:1"}, False),
    ],
)
def test_where_the_environment_is_read(server: Server, variables: dict[str, str], needed: bool) -> None:
    """Only where a proxy is named for the server: else the client keeps its short way to it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        assert needs_environment(server) is needed


def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    partoo: Partoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message speaks of the variable, and not of an argument of Python's."""
    monkeypatch.setenv("HTTPS_PROXY", "socks5://me:pass@proxy:1080")
    result = partoo("sections", "--server", HOST)
    expected = "proxy: https_proxy in the environment: expected a URL such as 'http://proxy.example:3128'"
    assert (result.code, result.err) == (2, f"partoo: error: {expected}\n")
