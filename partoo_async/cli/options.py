"""What several commands share: options, and the client that they make of them.

A command has one parameter for all of them, and ``with_options`` shows typer one for each::

    @with_options
    def sections(client: ClientOptions, as_json: Json = False) -> int: ...

What is said on standard error heeds ``client.quiet``; ``client.connect()`` makes the client.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer
from attrs import frozen

from partoo_async import PartooClient, RateLimit
from partoo_async.cli.keys import find_key
from partoo_async.cli.listeners import Retries
from partoo_async.cli.proxies import needs_environment
from partoo_async.cli.volume import VOLUME
from partoo_async.errors import ConfigurationError
from partoo_async.servers import resolve_server

__all__ = [
    "ClientOptions",
    "Dask",
    "Json",
    "KeyFile",
    "OptionGroup",
    "Server",
    "ServerOptions",
    "VolumeOptions",
    "parse_rate_limit",
    "with_options",
]


def _connection(metavar: str, text: str, **more: Any) -> Any:
    return typer.Option(metavar=metavar, help=text, show_default=False, rich_help_panel="Connection", **more)


def _messages(*names: str, text: str, **more: Any) -> Any:
    return typer.Option(*names, help=text, show_default=False, rich_help_panel="Messages", **more)


Server = Annotated[
    str | None,
    _connection(
        "NAME|URL",
        "production, sandbox or a URL. Default: the variable PARTOO_SERVER, else production.",
        autocompletion=lambda: ["production", "sandbox"],
    ),
]
Timeout = Annotated[
    float,
    typer.Option(metavar="SECONDS", help="Longest time for one call, retries included.", rich_help_panel="Connection"),
]
Quota = Annotated[
    str | None,
    _connection(
        "URL",
        "Share the quota with other processes: file:///path, redis://host/0, ... Default: the variable PARTOO_QUOTA,"
        " which is the place for a URL with a password.",
    ),
]
Limit = Annotated[
    str | None,
    _connection("N[/SECONDS]", "Send at most N requests in SECONDS, by default 300/60; or none for no limit."),
]
Share = Annotated[
    float | None,
    _connection("FRACTION", "Use this part of the quota, such as 0.5, and leave the rest to others."),
]
KeyFile = Annotated[
    str | None,
    _connection(
        "FILE",
        "Read the API key from the first line of a file, - for standard input. Default: see 'partoo key --help'.",
    ),
]
Verbose = Annotated[
    int,
    _messages(
        "--verbose", "-v", text="Say more: -v retries, pauses, and errors at length; -vv every request.", count=True
    ),
]
Quiet = Annotated[bool, _messages("--quiet", "-q", text="Print only results and what failed.")]
Dask = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Let the workers of a Dask scheduler send the requests: tls://host:8786, or tcp:// in a trusted network.",
        rich_help_panel="Connection",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]


@frozen(kw_only=True)
class OptionGroup:
    """Options that a command takes by one parameter."""


@frozen(kw_only=True)
class VolumeOptions(OptionGroup):
    """How much is said on standard error: for a command without a client."""

    verbose: Verbose = 0
    quiet: Quiet = False


@frozen(kw_only=True)
class ServerOptions(VolumeOptions):
    """Options of clients, but for their keys."""

    server: Server = None
    timeout: Timeout = 90.0
    quota: Quota = None
    rate_limit: Limit = None
    share: Share = None

    def session(self) -> dict[str, Any]:
        """Return what a client takes for them, ``server`` and ``quota`` apart. Raises ``ConfigurationError``."""
        if self.rate_limit is None and self.share is None:
            return {"timeout": self.timeout}
        limit = RateLimit() if self.rate_limit is None else parse_rate_limit(self.rate_limit)
        if self.share is not None:
            if limit is None:
                raise ConfigurationError("--share: there is nothing to share with --rate-limit none")
            limit = RateLimit(limit.requests, limit.per, share=self.share)
        return {"timeout": self.timeout, "rate_limit": limit}


@frozen(kw_only=True)
class ClientOptions(ServerOptions):
    """Options of a client."""

    key_file: KeyFile = None

    def connect(self, **more: Any) -> PartooClient:
        """Return a client, which tells of waits. Raises ``ConfigurationError``.

        Args:
            more: Other arguments of it; with ``on_event=None`` a progress tells of waits.
        """
        server = resolve_server(self.server)
        given = {"server": server, "quota": self.quota, "on_event": Retries(), **self.session(), **more}
        given["trust_env"] = needs_environment(server)
        # No option takes the key itself: every user of the machine can read a command line.
        key: Any = find_key(self.key_file, server).secret
        return PartooClient(key, **given)


def parse_rate_limit(text: str) -> RateLimit | None:
    """Return the quota that ``300/60`` (requests/seconds), ``300`` (in a minute) or ``none`` stands for."""
    if text.strip().lower() == "none":
        return None
    requests, slash, per = text.partition("/")
    try:
        count, seconds = int(requests), float(per if slash else 60)
    except ValueError:
        count, seconds = 0, math.nan
    if count < 1 or not 0 < seconds < math.inf:
        raise ConfigurationError(f"--rate-limit: expected requests/seconds such as 300/60, or none, not {text!r}")
    return RateLimit(requests=count, per=seconds)


def with_options(command: Callable[..., int]) -> Callable[..., int]:
    """Return a command in whose signature options stand where its one parameter takes all of them."""
    groups: dict[str, tuple[type[OptionGroup], list[str]]] = {}
    shown: dict[str, inspect.Parameter] = {}
    common: dict[str, inspect.Parameter] = {}
    for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
        if isinstance(parameter.annotation, type) and issubclass(parameter.annotation, OptionGroup):
            inner = inspect.signature(parameter.annotation, eval_str=True).parameters
            groups[name] = (parameter.annotation, [*inner])
            common |= inner
        else:
            shown[name] = parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
    shown |= common  # behind those that only this command has

    @wraps(command)
    def taking(**given: Any) -> int:
        made = {name: group(**{one: given.pop(one) for one in ones}) for name, (group, ones) in groups.items()}
        for options in made.values():
            if isinstance(options, VolumeOptions):
                VOLUME.turn(options.verbose, options.quiet)
        return command(**made, **given)

    described: Any = taking
    described.__signature__ = inspect.Signature([*shown.values()], return_annotation=int)
    described.__annotations__ = {name: parameter.annotation for name, parameter in shown.items()}
    return taking
