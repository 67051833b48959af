"""Runs on the workers of a cluster: reads sections and groups."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from attrs import define

from partoo_async._internal.version import get_version
from partoo_async.distributed.payload import Answers, SealedKey
from partoo_async.errors import ClientClosedError, ConfigurationError, PartooError
from partoo_async.scan.fetcher import GroupFetcher
from partoo_async.scan.items import ScanFailure
from partoo_async.session import PartooSession

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from partoo_async.distributed.payload import Job, Question

__all__ = ["leave", "read", "whoami"]

# Seconds. What was not used between two sweeps is closed: a driver that is killed never says that its run is over.
_SWEEP = 60.0
_STARTS = 3  # tries to connect to the store of a shared quota
_START_AGAIN = 1.0  # seconds

_IMPORTED = uuid4().hex  # containers may have the same host name and process id


async def whoami() -> tuple[str, str, bool]:
    """Return what tells this process from others, its version, and whether it has ``PARTOO_QUOTA``."""
    return (
        f"{socket.gethostname()} {os.getpid()} {_IMPORTED}",
        get_version(),
        bool(os.environ.get("PARTOO_QUOTA", "").strip()),
    )


@define(eq=False)
class _Organization:
    """The session of one organization, and who uses it."""

    session: PartooSession
    fetcher: GroupFetcher
    users: int = 0
    idle: bool = False  # for the time of one sweep at least


class _Desk:
    """What an event loop of a worker keeps of one run."""

    def __init__(self, job: Job) -> None:
        self._run = job.run
        # One for each description of a shared quota, which copies of a session have in common.
        self._bases: dict[Any, PartooSession] = {job.quota: _session_of(job)}
        self._organizations: dict[int, _Organization] = {}
        self._lock = asyncio.Lock()
        self._users = 0  # those who wait for the lock, too
        self._sweeper = asyncio.create_task(self._sweep())

    @asynccontextmanager
    async def fetcher(self, job: Job) -> AsyncIterator[GroupFetcher]:
        """Lend what reads for an organization. Raises ``PartooError``."""
        self._users += 1
        found: _Organization | None = None
        try:
            async with self._lock:
                found = self._organizations.get(job.number)
                if found is None:
                    found = self._organizations[job.number] = await self._open(job)
                found.users += 1
            yield found.fetcher
        finally:
            self._users -= 1
            if found is not None:
                found.users -= 1
                found.idle = False

    async def _open(self, job: Job) -> _Organization:
        if job.quota not in self._bases:
            self._bases[job.quota] = _session_of(job)
        session = self._bases[job.quota].with_options(api_key=_opened(job), max_concurrency=job.max_concurrency)
        await _start(session)
        return _Organization(session, GroupFetcher(session.with_own_drift(), job.max_concurrency, job.max_outage))

    async def _sweep(self) -> None:
        """Close what is not used, in the end everything."""
        while True:
            await asyncio.sleep(_SWEEP)
            async with self._lock:
                for number, one in [*self._organizations.items()]:
                    if one.idle and not one.users:
                        del self._organizations[number]
                        await one.session.aclose()
                    one.idle = not one.users
                if not self._organizations and not self._users:
                    _desks.pop((self._run, asyncio.get_running_loop()), None)
                    await self._close_bases()
                    return

    async def aclose(self) -> None:
        """Stop reading, and close the connections."""
        self._sweeper.cancel()
        for one in self._organizations.values():
            one.fetcher.stop()
        for one in self._organizations.values():
            await one.session.aclose()
        await self._close_bases()

    async def _close_bases(self) -> None:
        for base in self._bases.values():
            await base.aclose()


async def _start(session: PartooSession) -> None:
    """Connect to the store of a shared quota. Raises ``ConfigurationError``."""
    # A worker that is just starting may be too slow for it, and the whole organization would end.
    for _ in range(_STARTS - 1):
        try:
            await session.__aenter__()
        except ConfigurationError:
            await asyncio.sleep(_START_AGAIN)
        else:
            return
    await session.__aenter__()


# Several workers of one process may share a loop, or have one each.
_desks: dict[tuple[str, asyncio.AbstractEventLoop], _Desk] = {}
# Tasks of a run that is over may still be begun.
_left: deque[str] = deque(maxlen=100)


def _opened(job: Job) -> Any:
    return job.key.open() if isinstance(job.key, SealedKey) else job.key


def _session_of(job: Job) -> PartooSession:
    return PartooSession(
        _opened(job),
        server=job.server,
        timeout=job.timeout,
        attempt_timeout=job.attempt_timeout,
        retry=job.retry,
        rate_limit=job.rate_limit,
        max_concurrency=job.max_concurrency,
        strict=job.strict,
        quota=job.quota,
    )


async def read(job: Job, questions: Sequence[Question]) -> Answers:
    """Answer the questions of one task, all at once."""
    # A failure is returned and not raised: raised, it would be logged by the worker with all it was asked.
    try:
        async with _desk_of(job).fetcher(job) as fetcher:
            return await _read(fetcher, questions)
    except PartooError as error:
        return Answers([_bare(error)] * len(questions))


def _desk_of(job: Job) -> _Desk:
    if job.run in _left:
        raise ClientClosedError("the scan was closed")
    place = job.run, asyncio.get_running_loop()
    desk = _desks.get(place)
    if desk is None:
        desk = _desks[place] = _Desk(job)
    return desk


async def _read(fetcher: GroupFetcher, questions: Sequence[Question]) -> Answers:
    # Each in a task of its own, which the fetcher may cancel.
    calls = (getattr(fetcher, question.method)(question.argument) for question in questions)
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for number, answer in enumerate(answers):
        if isinstance(answer, ScanFailure):
            _bare(answer.error)
        elif isinstance(answer, PartooError):
            answers[number] = _bare(answer)
        elif isinstance(answer, asyncio.CancelledError):
            answers[number] = ClientClosedError("the scan was closed")
        elif isinstance(answer, BaseException):
            raise answer
    return Answers(answers, fetcher.take_figures())


def _bare(error: PartooError) -> PartooError:
    # Where Dask was imported last, an error takes along what it came of: frames, or a connection that does not pickle.
    last: PartooError | None = error
    while last is not None:
        last.__cause__ = last.__context__ = last.__traceback__ = None
        last = getattr(last, "last_error", None)
    return error


async def leave(run: str) -> None:
    """End a run: cancel what it reads, and close its connections."""
    _left.append(run)
    desk = _desks.pop((run, asyncio.get_running_loop()), None)
    if desk is not None:
        await desk.aclose()
