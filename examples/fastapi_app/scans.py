"""Background scans of a web service with several workers. Knows no web framework.

A scan has two files in a directory that the workers share. The journal has every outcome; the worker that runs the scan
locks it. The state is a little JSON that this worker replaces twice a second and every worker reads. When a worker is
stopped or killed, another one continues from these files.
"""

import asyncio
import json
import logging
import os
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from contextvars import Context
from pathlib import Path
from typing import Any, Self

import attrs

from partoo_async import ConfigurationError, PartooClient, PartooError, Scan
from partoo_async.integrations.problems import problem_of

logger = logging.getLogger(__name__)

SHOWN = ("done", "failed", "total", "eta", "paused_for", "held_for", "held_by")  # of a scan's progress
EVERY = 0.5  # seconds between two states
SILENCE = 5.0  # seconds without a state, after which a worker counts as dead
MOST_FAILURES = 10  # that a state tells of; the journal has them all
MOST_SCANS = 20


@attrs.frozen
class State:
    """``phase``: "running", "interrupted" (a worker will continue it), "finished" or "failed" (see ``problem``)."""

    id: str
    sections: list[int]
    phase: str = "running"
    done: int = 0
    failed: int = 0
    total: int = 0
    eta: float = 0.0
    paused_for: float = 0.0
    held_for: float = 0.0
    held_by: str = ""
    latest: str = ""
    problem: str = ""
    names: dict[str, str] = attrs.field(factory=dict)  # of the sections that were read, by id
    failures: list[dict[str, Any]] = attrs.field(factory=list)  # the first ones
    began: float = attrs.field(factory=time.time)
    worker: int = attrs.field(factory=os.getpid)
    updated: float = attrs.field(factory=time.time)

    @property
    def ended(self) -> bool:
        return self.phase in ("finished", "failed")


class Scans:
    """The scans of one worker. It continues those of dead workers, and interrupts its own when it ends."""

    def __init__(self, partoo: PartooClient, directory: Path) -> None:
        self.stopping = asyncio.Event()
        self._partoo = partoo
        self._directory = directory
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._adopting = asyncio.create_task(self._adopt(), context=Context())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stopping.set()
        tasks = [self._adopting, *self._tasks.values()]
        for task in tasks:
            task.cancel()
        # Each scan gets its requests in flight into its journal, for at most two seconds.
        await asyncio.gather(*tasks, return_exceptions=True)

    def start(self, sections: list[int]) -> State:
        """Start a scan and return its first state, which other workers find on the disk."""
        state = State(secrets.token_hex(8), sections)
        self._save(state)
        self._begin(state)
        return state

    def state(self, scan_id: str) -> State | None:
        """Return the last state of a scan of any worker, or None for an unknown id."""
        try:
            state = State(**json.loads((self._directory / f"{scan_id}.json").read_bytes()))
        except FileNotFoundError:
            return None
        if state.phase == "running" and time.time() - state.updated > SILENCE:
            state = attrs.evolve(state, phase="interrupted")  # killed: it could not say so itself
        return state

    def recent(self) -> list[State]:
        """Return the scans of every worker that were at work last: those that still are, then by their start."""
        paths = sorted(self._directory.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        states = [state for path in paths[:MOST_SCANS] if (state := self.state(path.stem)) is not None]
        return sorted(states, key=lambda state: (state.ended, -state.began))

    async def follow(self, scan_id: str) -> AsyncIterator[State]:
        """Yield the state whenever it changes, until the scan has ended or this worker stops."""
        last = None
        while not self.stopping.is_set():
            state = self.state(scan_id)
            if state is not None and state != last:
                yield state
            if state is None or state.ended:
                return
            last = state
            await self._pause()

    @property
    def running(self) -> int:
        """How many scans this worker runs."""
        return len(self._tasks)

    def _begin(self, state: State) -> None:
        # In a context of its own: a request's deadline() must not end a scan that outlives the request.
        task = asyncio.create_task(self._run(state), context=Context())
        self._tasks[state.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(state.id))

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(EVERY):
                await self.stopping.wait()

    async def _adopt(self) -> None:
        """Continue every scan that lost its worker."""
        # When several workers try, the lock of the journal decides.
        while not self.stopping.is_set():
            for path in self._directory.glob("*.json"):
                state = self.state(path.stem)
                if state is not None and state.phase == "interrupted" and state.id not in self._tasks:
                    self._begin(state)
            await self._pause()

    async def _run(self, state: State) -> None:
        state = attrs.evolve(state, phase="running", worker=os.getpid())
        scan = self._partoo.scan(state.sections, journal=self._directory / f"{state.id}.db", resume=True)
        try:
            async with scan:
                state = await self._follow_through(state, scan)
        except ConfigurationError as error:
            # Another worker has the journal, or it belongs to another server.
            logger.debug("scan %s is left alone: %s", state.id, error)
            await asyncio.sleep(SILENCE)  # before the next try
        except PartooError as error:
            logger.warning("scan %s failed: %s", state.id, error)
            self._save(attrs.evolve(state, phase="failed", problem=problem_of(error).detail))
        else:
            self._save(state)

    async def _follow_through(self, state: State, scan: Scan) -> State:
        """Take every outcome and save the state meanwhile; return the last state."""
        latest, failures = state.latest, list[dict[str, Any]]()

        def now(phase: str) -> State:
            told: dict[str, Any] = {name: getattr(scan.progress, name) for name in SHOWN}
            told["names"] = {str(number): name for number, name in scan.report().sections.items()}
            told |= {"latest": latest, "failures": failures}
            return attrs.evolve(state, phase=phase, updated=time.time(), **told)

        async def report() -> None:
            # By the clock: while Partoo pauses everything there are no outcomes.
            while True:
                self._save(now("running"))
                await asyncio.sleep(EVERY)

        reporter = asyncio.create_task(report())
        phase = "interrupted"
        try:
            async for item in scan:
                if item.error is None:
                    latest = item.group.name
                elif len(failures) < MOST_FAILURES:
                    # What a visitor may read, as everywhere: nothing of Partoo's own words.
                    where = {"section_id": item.section_id, "group_id": item.group_id}
                    failures.append({**where, "problem": problem_of(item.error).detail})
            phase = "finished"
        finally:
            reporter.cancel()
            self._save(now(phase))
        return now(phase)

    def _save(self, state: State) -> None:
        # Replaced as a whole, so that nobody reads half of it. A few hundred bytes: not worth a thread.
        path = self._directory / f"{state.id}.json"
        new = path.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(attrs.asdict(state)))
        new.replace(path)
