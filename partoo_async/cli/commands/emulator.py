"""``partoo emulator``: an emulated Partoo API, for as long as the command runs."""

from __future__ import annotations

import asyncio
import enum
import shlex
import sys
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from partoo_async.cli.exit_codes import OK
from partoo_async.cli.help import epilog
from partoo_async.cli.options import parse_rate_limit
from partoo_async.cli.process import execute
from partoo_async.cli.streams import say
from partoo_async.emulator import Emulator
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from partoo_async.emulator.data.profiles import ProfileName

__all__ = ["EPILOG", "emulator"]


class DataChoice(enum.StrEnum):
    """What ``--profile`` takes."""

    DEMO = "demo"
    SMALL = "small"
    TYPICAL = "typical"
    LARGE = "large"
    EXTREME = "extreme"


class WindowChoice(enum.StrEnum):
    """What ``--window`` takes."""

    SLIDING = "sliding"
    FIXED = "fixed"
    TOKEN_BUCKET = "token_bucket"  # noqa: S105 - not a password
    SLIDING_COUNTS_REJECTS = "sliding_counts_rejects"


EPILOG = epilog(
    ("partoo emulator", "a server to try commands against; it prints the variables to set"),
    (
        "partoo emulator --profile large --chaos 0.05 --rate-limit none",
        "much data, with faults and without a limit",
    ),
    (
        "partoo emulator --profile extreme --rate-limit none --latency 0",
        "as fast as it can, for a load test; --groups takes a million, too",
    ),
)


def emulator(  # noqa: PLR0917 - typer reads one parameter per option, by name
    profile: Annotated[
        DataChoice, typer.Option(help="Data to serve: the demo, or a generated organization of this size.")
    ] = DataChoice.DEMO,
    groups: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="With a size as --profile: how many groups in all.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8080,
    rate_limit: Annotated[
        str, typer.Option(metavar="N/SECONDS", help="Allow N requests in SECONDS, or none for no limit.")
    ] = "300/60",
    window: Annotated[
        WindowChoice,
        typer.Option(
            metavar="KIND",
            help="How the limit counts requests: sliding, fixed, token_bucket or sliding_counts_rejects.",
        ),
    ] = WindowChoice.SLIDING,
    chaos: Annotated[
        float, typer.Option(min=0, max=1, metavar="SHARE", help="Share of the reads that meet a fault, such as 0.05.")
    ] = 0.0,
    latency: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Delay of each response.")] = 0.05,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the data and the faults: the same seed, the same ids.")] = 0,
    allow_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Accept this host name too; may be repeated.")
    ] = None,
) -> int:
    """Run an emulated Partoo API until Ctrl-C. Needs no key and no network; open its URL to see the requests."""
    options = {"host": host, "port": port, "window": window.value, "chaos": chaos, "latency": latency, "seed": seed}
    options["allowed_hosts"] = allow_host or ()
    return execute(lambda: _run(profile, groups, rate_limit, **options))


async def _run(data: DataChoice, groups: int | None, rate_limit: str, **options: Any) -> int:
    options["rate_limit"] = parse_rate_limit(rate_limit)
    async with _make(data, groups, options) as emulator:
        sys.stdout.write(_exports(emulator))
        sys.stdout.flush()
        origin = emulator.url.removesuffix("/v2")
        say(f"the emulator listens on {emulator.url}, its status page is {origin}/; Ctrl-C stops it")
        try:
            await asyncio.Event().wait()
        finally:
            say(f"requests served: {len(emulator.requests):,}")
    return OK


def _make(data: DataChoice, groups: int | None, options: dict[str, Any]) -> Emulator:
    if data is not DataChoice.DEMO:
        return Emulator.with_profile(cast("ProfileName", data.value), groups=groups, **options)
    if groups is not None:
        raise ConfigurationError("--groups: needs a --profile other than demo, such as small: the demo data is fixed")
    return Emulator(**options)


def _exports(emulator: Emulator) -> str:
    key, url = emulator.api_key, emulator.url
    # Fit for `eval`: what is not an assignment is a comment. Every set of data has this group.
    return (
        f"export PARTOO_SERVER={shlex.quote(url)}\n"
        f"export PARTOO_API_KEY={shlex.quote(key)}\n"
        f"# curl -H {shlex.quote(f'x-APIKey: {key}')} {shlex.quote(f'{url}/sections/1/groups/1')}\n"
    )
