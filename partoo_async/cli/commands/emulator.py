"""``partoo emulator``: a Partoo in memory, for as long as the command runs."""

from __future__ import annotations

import asyncio
import enum
import math
import shlex
import sys
from typing import TYPE_CHECKING, Any, cast

from partoo_async.cli.errors import OK
from partoo_async.cli.output import say
from partoo_async.emulator import Emulator
from partoo_async.errors import ConfigurationError
from partoo_async.policy import RateLimit

if TYPE_CHECKING:
    from partoo_async.emulator.data.profiles import ProfileName

__all__ = ["DataChoice", "WindowChoice", "parse_rate_limit", "run_emulator"]


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


def parse_rate_limit(text: str) -> RateLimit | None:
    """Return the quota that ``300/60`` (requests/seconds) or ``none`` stands for."""
    if text.strip().lower() == "none":
        return None
    requests, _, per = text.partition("/")
    try:
        count, seconds = int(requests), float(per or 60)
    except ValueError:
        count, seconds = 0, math.nan
    if count < 1 or not 0 < seconds < math.inf:
        raise ConfigurationError("--rate-limit: expected requests/seconds such as 300/60, or none")
    return RateLimit(requests=count, per=seconds)


async def run_emulator(data: DataChoice, groups: int | None, rate_limit: str, **options: Any) -> int:
    """Run an emulator until the command is stopped; ``options`` are arguments of ``Emulator``."""
    options["rate_limit"] = parse_rate_limit(rate_limit)
    async with _make(data, groups, options) as emulator:
        sys.stdout.write(_exports(emulator))
        sys.stdout.flush()
        origin = emulator.url.removesuffix("/v2")
        say(f"the emulator listens on {emulator.url}, its status page is {origin}/; Ctrl-C stops it")
        try:
            await asyncio.Event().wait()
        finally:
            say(f"requests answered: {len(emulator.requests):,}")
    return OK


def _make(data: DataChoice, groups: int | None, options: dict[str, Any]) -> Emulator:
    if data is not DataChoice.DEMO:
        return Emulator.with_profile(cast("ProfileName", data.value), groups=groups, **options)
    if groups is not None:
        raise ConfigurationError("--groups: expected with a --profile from small to extreme; the demo data is fixed")
    return Emulator(**options)


def _exports(emulator: Emulator) -> str:
    key, url = emulator.api_key, emulator.url
    # Fit for `eval`: what is not an assignment is a comment. Every set of data has this group.
    return (
        f"export PARTOO_SERVER={shlex.quote(url)}\n"
        f"export PARTOO_API_KEY={shlex.quote(key)}\n"
        f"# curl -H {shlex.quote(f'x-APIKey: {key}')} {shlex.quote(f'{url}/sections/1/groups/1')}\n"
    )
