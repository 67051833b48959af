"""Show a change, ask, make it, and say what was done."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Annotated

import typer
from attrs import frozen

from partoo_async._protocol.statuses import status_rule
from partoo_async.cli.change import Change
from partoo_async.cli.exit_codes import INTERRUPTED, OK
from partoo_async.cli.interrupts import interruptible, prompting
from partoo_async.cli.options import ClientOptions, Json, OptionGroup
from partoo_async.cli.output import print_json, write_text
from partoo_async.cli.streams import Messages, require_stdout, say
from partoo_async.errors import APIStatusError, ConfigurationError, PartooError

__all__ = ["WriteOptions", "carry_out", "refuse"]


@frozen(kw_only=True)
class WriteOptions(OptionGroup):
    """Options of a change."""

    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask. Needed where there is no terminal.")] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the preview, and change nothing.")] = False
    as_json: Json = False


def refuse(route: str, reason: str) -> APIStatusError:
    """Return the error of a change that the server would refuse."""
    return status_rule(403).make(403, None, route, detail=f"not sent, since {reason}")


async def carry_out(
    client: ClientOptions,
    options: WriteOptions,
    change: Change,
    write: Callable[[], Awaitable[int | None]],
    unchanged: Callable[[], Awaitable[bool]] | None = None,
) -> int:
    """Show a change, ask unless told otherwise, and make it.

    Args:
        client: Whether to be quiet.
        options: Whether to ask, and how to print.
        change: What is shown.
        write: Makes it. An int is the id of what was made.
        unchanged: Whether all is still as the preview says: time has passed at the prompt.

    Raises:
        ConfigurationError: There is nobody to ask.
    """
    if options.as_json or change.before is None:
        require_stdout()  # before there is something to tell
    preview = "".join(f"{line}\n" for line in change.lines())
    if options.dry_run and not options.as_json:
        sys.stdout.write(preview)
    elif not (options.yes and (client.quiet or options.as_json)):
        _tell(preview)
    if change.is_empty or options.dry_run:
        if options.as_json:
            await print_json(change.as_object(done=False))
        elif not client.quiet:
            say("there is nothing to change" if change.is_empty else "nothing was changed: a dry run")
        return OK
    if not options.yes and not await _agreed(unchanged):
        return INTERRUPTED
    try:
        made = await write()
    except (PartooError, asyncio.CancelledError) as error:
        if _may_be_done(error) and not options.as_json:
            say("nobody knows whether the change was made: look before you try again")
        raise
    await _report(client, options, change, made)
    return OK


async def _agreed(unchanged: Callable[[], Awaitable[bool]] | None) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfigurationError("--yes: needed where there is no terminal to ask on; --dry-run prints the preview")
    _tell("partoo: do it? [y/N] ")
    with prompting():
        answer = await _typed()
    if not answer.endswith("\n"):
        _tell("\n")  # the end of input
    if answer.strip().lower() not in ("y", "yes"):
        say("nothing was changed")
        return False
    if unchanged is not None and not await unchanged():
        say("nothing was changed: somebody else has changed it meanwhile; call again to see what it is now")
        return False
    return True


async def _typed() -> str:
    # Without a thread that reads: nothing would end it after Ctrl-C.
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    with suppress(NotImplementedError):  # on Windows, where the loop waits for the line
        loop.add_reader(sys.stdin.fileno(), ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(sys.stdin.fileno())
    with interruptible():  # the line may not be whole
        return sys.stdin.readline()


def _may_be_done(error: PartooError | asyncio.CancelledError) -> bool:
    if isinstance(error, asyncio.CancelledError):
        return True
    return any(attempt.request_sent and not attempt.outcome.startswith("4") for attempt in error.attempts)


async def _report(client: ClientOptions, options: WriteOptions, change: Change, made: int | None) -> None:
    done = "done" if made is None else f"done: its id is {made}"
    try:
        if options.as_json:
            await print_json(change.as_object(done=True, made=made))
            return
        if made is not None:
            # For scripts: id=$(partoo group create ...)
            await write_text(f"{made}\n")
    except OSError:
        say(done)  # or the change would be made once more
        raise
    if not client.quiet:
        say(done)
        _tell("".join(f"  undo: {command}\n" for command in change.undo_of(made)))


def _tell(text: str) -> None:
    messages = Messages(sys.stderr)
    messages.write(text)
    messages.flush()
