"""The options that commands share: each command takes them by one parameter, and all have the same."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import typer

from partoo_async import ConfigurationError, RateLimit
from partoo_async.cli.app import app
from partoo_async.cli.options import ClientOptions, Json, ServerOptions, parse_rate_limit, with_options
from partoo_async.cli.wording import usage_text
from tests.support.each import each

COMMON = {"--server", "--timeout", "--quota", "--rate-limit", "--share", "--verbose", "-v", "--quiet", "-q"}
WITHOUT_CLIENT = {"diff", "report", "quota", "emulator", "demo", "key set", "key show", "key delete"}
OTHER_KEYS = {"scan-many"}  # its file says where the keys are


def commands(group: Any = None, path: str = "") -> dict[str, Any]:
    """Every command by the words that call it."""
    group = typer.main.get_command(app) if group is None else group
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        words = f"{path} {name}".strip()
        found |= commands(command, words) if hasattr(command, "commands") else {words: command}
    return found


def options_of(command: Any) -> set[str]:
    return {word for parameter in command.params for word in parameter.opts if word.startswith("-")}


def test_every_command_with_a_client_has_the_same_options() -> None:
    """Server, time, quota, volume: wherever a client is made; the key's source, wherever it has one key."""
    for words, command in commands().items():
        if words not in WITHOUT_CLIENT:
            assert options_of(command) >= COMMON, words
            assert ("--key-file" in options_of(command)) is (words not in OTHER_KEYS)


def test_one_parameter_takes_all_common_options() -> None:
    """typer reads an option for each field, behind the command's own; the function gets one object."""

    @with_options
    def command(client: ClientOptions, name: str, as_json: Json = False) -> int:
        """Do it."""
        assert (name, as_json, client.server, client.timeout, client.quiet) == ("n", True, "sandbox", 90.0, True)
        return 7

    names = [*inspect.signature(command).parameters]
    assert names[:2] == ["name", "as_json"]
    assert set(names[2:]) == {*inspect.signature(ClientOptions).parameters}
    app = typer.Typer()
    app.command()(command)
    assert app(["n", "--json", "--server", "sandbox", "-q"], standalone_mode=False) == 7


@each(
    ("given", "limit"),
    [
        ({"rate_limit": "300/60"}, RateLimit(300, 60.0)),
        ({"rate_limit": "120"}, RateLimit(120, 60.0)),
        ({"rate_limit": " None "}, None),
        ({"share": 0.5}, RateLimit(share=0.5)),
        ({"share": 0.25, "rate_limit": "100/10"}, RateLimit(100, 10.0, share=0.25)),
    ],
)
def test_the_limit_is_an_option(given: dict[str, Any], limit: RateLimit | None) -> None:
    """`--rate-limit` and `--share` are the client's RateLimit."""
    assert ServerOptions(**given).session() == {"timeout": 90.0, "rate_limit": limit}


def test_a_client_has_its_own_default_limit() -> None:
    """Nothing given, nothing passed on."""
    assert ServerOptions(timeout=5.0).session() == {"timeout": 5.0}


@each("text", ["", "/60", "0", "300/", "300/0", "300/x", "nan", "1.5", "300/inf"])
def test_what_is_no_limit_names_the_option(text: str) -> None:
    """The message begins with the option, and says what is expected."""
    with pytest.raises(ConfigurationError, match="^--rate-limit: expected requests/seconds such as 300/60, or none"):
        parse_rate_limit(text)


def test_nothing_can_be_shared_without_a_limit() -> None:
    """A share of no limit is a mistake, not ignored."""
    with pytest.raises(ConfigurationError, match="^--share: "):
        ServerOptions(share=0.5, rate_limit="none").session()


@each(
    ("theirs", "ours"),
    [
        ("Missing argument 'PATH'.", "PATH: missing"),
        ("Missing option '--name' / '-n'.", "--name: missing"),
        ("Option '--output' requires an argument.", "--output: expected a value"),
        ("No such option: --jsn (Possible options: --json)", "there is no option --jsn; did you mean --json?"),
        ("No such option: --ye (Possible options: --yes, -y)", "there is no option --ye; did you mean --yes, -y?"),
        ("No such option: --jsn Did you mean --json?", "there is no option --jsn; did you mean --json?"),
        ("No such option: -x", "there is no option -x"),
        ("Got unexpected extra argument(s) (b)", "too many words: b"),
        ("Got unexpected extra argument (b)", "too many words: b"),
        ("Invalid value for '--port' / '-p': 'x' is not one of 'a'.", "--port: 'x' is not one of 'a'."),
    ],
)
def test_a_wrong_word_is_told_as_every_other_mistake(theirs: str, ours: str) -> None:
    """The option or argument first, then what is wrong with it, whichever release of typer says it."""
    assert usage_text(theirs) == ours
