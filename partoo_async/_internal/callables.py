"""Call what the package does not control: callbacks that raise, and work that blocks."""

from __future__ import annotations

import asyncio
import errno
import inspect
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

__all__ = ["ask", "guarded", "in_daemon", "is_async", "tell", "to_its_end", "wait_uncancelled"]

T = TypeVar("T")
R = TypeVar("R")
Ts = TypeVarTuple("Ts")


def is_async(value: object) -> bool:
    """Whether calling ``value`` visibly returns something to be awaited or iterated with ``async for``."""
    while isinstance(value, partial):
        value = value.func
    call = getattr(type(value), "__call__", None)  # noqa: B004 - not whether it can be called, but how
    return any(inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one) for one in (value, call))


def tell(callback: Callable[[T], object], value: T) -> BaseException | None:
    """Call a user's callback, and return what it raised, or None."""
    result, error = ask(callback, value)
    if result is None or not inspect.iscoroutine(result):
        return error
    result.close()
    return TypeError("the callback returned a coroutine, which nobody awaits")


def ask(callback: Callable[[*Ts], R], *values: *Ts) -> tuple[R, None] | tuple[None, BaseException]:
    """Call a user's callback, and return its result and None, or None and what it raised."""
    try:
        return callback(*values), None
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        # A CancelledError, too: nothing cancels a plain call. The callback has looked at a cancelled future.
        return None, error


@contextmanager
def guarded(
    make: Callable[[], AbstractContextManager[object]], note: Callable[[BaseException], object]
) -> Iterator[None]:
    """Enter the context that a user's callback makes. What it raises is noted; what the block raises is not hidden."""
    context, ours = ExitStack(), None
    _, error = ask(lambda: context.enter_context(make()))
    if error is not None:
        note(error)
    try:
        yield
    except BaseException as failure:
        ours = failure
        raise
    finally:
        _, error = ask(context.__exit__, type(ours) if ours else None, ours, ours.__traceback__ if ours else None)
        if error is not None and error is not ours:
            note(error)
        del ours, error  # or the traceback would hold the frame that holds the error


async def in_daemon(work: Callable[[*Ts], T], *arguments: *Ts) -> T:
    """Return the result of blocking work that runs in a daemon thread. Cancelling the caller does not stop the work."""
    # asyncio.run and the interpreter's exit wait for the threads of the loop's own pool. Work that blocks without end,
    # such as opening a pipe that nobody writes to, would make the program deaf to Ctrl-C.
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return  # cancelled meanwhile
        if error is None:
            done.set_result(result)  # type: ignore[arg-type]  # without an error it is what the work returned
        else:
            done.set_exception(error)

    def run() -> None:
        outcome: tuple[T | None, BaseException | None]
        try:
            outcome = work(*arguments), None
        except BaseException as error:
            outcome = None, error
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(settle, *outcome)

    try:
        Thread(target=run, name="partoo-work", daemon=True).start()
    except RuntimeError as error:
        raise OSError(errno.EAGAIN, "no thread could be started") from error
    return await done


async def wait_uncancelled(work: asyncio.Future[Any]) -> None:
    """Wait until the future is done. A cancellation of the caller is raised after that, and nothing else."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled  # the same object: anyio's cancel scopes do not know a new one


async def to_its_end(work: Callable[[*Ts], T], *arguments: *Ts) -> T:
    """Return the result of blocking work in a daemon thread. A cancellation of the caller is raised after the work."""
    running = asyncio.ensure_future(in_daemon(work, *arguments))
    await wait_uncancelled(running)
    return running.result()
