"""A Dask cluster, as a scan sees it."""

from __future__ import annotations

import asyncio
import copyreg
import logging
import secrets
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from attrs import evolve

from partoo_async._call.quotas import named_after, resolve_quota
from partoo_async._internal.extras import needs_extra
from partoo_async._internal.text import cut
from partoo_async._internal.version import get_version
from partoo_async.distributed import worker
from partoo_async.distributed.fetcher import RemoteFetcher
from partoo_async.distributed.payload import Job, seal
from partoo_async.errors import ConfigurationError, PartooError
from partoo_async.quota import Quota
from partoo_async.scan.key_retries import OutageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence

    from partoo_async.distributed.payload import Answers, Question
    from partoo_async.policy import RateLimit
    from partoo_async.quota.shared.descriptions import FileQuota, RedisQuota
    from partoo_async.session import PartooSession

__all__ = ["Cluster", "ClusterError", "connected", "keep_errors_bare"]

T = TypeVar("T")
_logger = logging.getLogger("partoo_async.scan")

# How often a task is sent anew that workers died of. Dask itself tries four workers each time.
_TRIES = 3
_CONNECT = 10.0  # seconds for a scheduler that refuses connections, too: it may be about to start
_HELLO = 30.0  # seconds that the workers have to reply
_GOODBYE = 5.0  # likewise at the end
_MOST_SHOWN = 200  # characters of an error of a worker


class ClusterError(OutageError):
    """The cluster does no more tasks, so that the scan ends. Its journal goes on."""


def keep_errors_bare() -> None:
    """Let errors of this package be pickled by themselves again."""
    # The library has every class of exceptions that there is pickled with causes and frames. Ours leave those behind,
    # since they may hold anything.
    classes: list[type[PartooError]] = [PartooError]
    for one in classes:
        copyreg.dispatch_table.pop(one, None)
        classes += one.__subclasses__()


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Any]:
    """Connect to a scheduler. Raises ``ConfigurationError`` if it cannot be reached."""
    with needs_extra("dask", "distributed", "scans on a cluster"):
        from distributed import Client  # noqa: PLC0415 - an extra

    try:
        client = await Client(address, asynchronous=True, timeout=_CONNECT)
    except Exception as error:  # whatever the address leads to: no host, no certificate, another protocol
        problem = f"{type(error).__name__}: {cut(str(error), _MOST_SHOWN)}"
    else:
        async with client:
            yield client
        return
    raise ConfigurationError(f"dask: cannot connect to {cut(str(address), _MOST_SHOWN)}: {problem}")


class Cluster:
    """The tasks of one run, for ``async with``."""

    def __init__(self, client: Any, quota: Any, rate_limit: RateLimit | None) -> None:
        with needs_extra("dask", "distributed", "scans on a cluster"):
            from distributed import Client, KilledWorker  # noqa: PLC0415 - an extra

        keep_errors_bare()
        if not isinstance(client, Client):
            came = type(client).__name__
            raise ConfigurationError(f"client: expected a Client of Dask (distributed.Client), not {came}")
        described = resolve_quota(quota, rate_limit)
        if isinstance(described, Quota):
            raise ConfigurationError(
                "quota: one of this process does not reach the workers; give a description or a URL"
            )
        self._client: Any = client
        self._killed: type[Exception] = KilledWorker
        self.quota: FileQuota | RedisQuota | None = described
        self._is_limited = rate_limit is not None
        self._shares = 1  # how many processes share the quota of an organization, each with its part
        self._run = secrets.token_hex(8)
        self._tasks = count(1)
        self._organizations = count(1)
        self._fetchers: WeakSet[RemoteFetcher] = WeakSet()

    async def __aenter__(self) -> Cluster:
        await self._look_around()
        return self

    async def _look_around(self) -> None:
        """See who is there. Raises ``ConfigurationError`` if they cannot work."""
        if self._client.status != "running":
            raise ConfigurationError(
                f"client: it is {self._client.status}; use it inside 'async with Client(..., asynchronous=True)'"
            )
        try:
            async with asyncio.timeout(_HELLO):
                found = await self._reply(partial(self._client.run, worker.whoami, on_error="return"))
        except TimeoutError:
            raise ConfigurationError(f"client: not all workers replied within {_HELLO:g} s") from None
        # One that cannot be reached has died just now, and the scheduler will notice.
        found = {address: told for address, told in found.items() if not isinstance(told, OSError)}
        for address, told in found.items():
            if isinstance(told, BaseException):
                raise ConfigurationError(
                    f"client: worker {address} cannot use partoo-async, which the scheduler and each worker need: "
                    f"{cut(f'{type(told).__name__}: {told}', _MOST_SHOWN)}"
                )
            if told[1] != get_version():
                _logger.warning("scan: worker %s has partoo-async %s, and this is %s", address, told[1], get_version())
        at_workers = [has_quota for *_, has_quota in found.values()]
        if self._is_limited and self.quota is None and not (at_workers and all(at_workers)):
            self._share(len({process for process, *_ in found.values()}))

    def _share(self, processes: int) -> None:
        if not processes:
            raise ConfigurationError(
                "client: the cluster has no worker yet, and each gets a part of the quota; wait for them "
                "(client.wait_for_workers), or give quota="
            )
        self._shares = processes
        if processes > 1:
            _logger.warning(
                "scan: no quota= was given, so that each of the %d workers gets 1/%d of every quota; what one does "
                "not use is lost, and a worker that starts later takes as much again",
                processes,
                processes,
            )

    def fetcher(self, session: PartooSession, workers: int, max_outage: float, name: str = "") -> RemoteFetcher:
        """Return what reads for one organization, with the options of the session."""
        settings = session.settings
        quota = named_after(name, settings.api_key, self.quota)
        number = next(self._organizations)

        async def send(questions: Sequence[Question]) -> Answers:
            limit = settings.rate_limit
            job = Job(
                run=self._run,
                number=number,
                key=seal(settings.api_key),
                server=settings.server,
                rate_limit=limit and evolve(limit, share=limit.share / self._shares),
                quota=quota,
                timeout=settings.timeout,
                attempt_timeout=settings.attempt_timeout,
                retry=settings.retry,
                strict=settings.strict,
                max_concurrency=settings.max_concurrency,
                max_outage=max_outage,
            )
            found: Answers = await self._compute(worker.read, job, tuple(questions))
            return found

        fetcher = RemoteFetcher(session, workers, max_outage, send)
        self._fetchers.add(fetcher)
        return fetcher

    async def _compute(self, function: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
        """Return the result of a task. Dask repeats one whose worker dies."""
        problem = ""
        for _ in range(_TRIES):
            if self._client.status != "running":
                problem = f"the client is {self._client.status}"
                break
            future = self._submit(function, *arguments)
            try:
                result: T = await self._reply(partial(self._client.gather, future))
            except self._killed as error:
                problem = str(error)
            except OSError as error:
                problem = f"{type(error).__name__}: {error}"
                break
            except BaseException as error:
                # What says so is an ordinary exception or a CancelledError, depending on the release.
                if not future.cancelled() or (isinstance(error, asyncio.CancelledError) and _is_cancelled()):
                    raise
                problem = f"the scheduler dropped the task: {error}"
                break
            else:
                return result
            finally:
                future.release()  # at once: neither side keeps results
        raise ClusterError(f"the cluster does not read any more: {cut(problem, _MOST_SHOWN)}")

    def _submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        # Under a new name each time: the scheduler remembers one that its workers died of.
        name = f"partoo_read-{self._run}-{next(self._tasks)}"
        try:
            return self._client.submit(function, *arguments, key=name, pure=False)
        except Exception as error:
            problem = f"a task cannot be sent ({cut(f'{type(error).__name__}: {error}', _MOST_SHOWN)})"
        raise ConfigurationError(f"{problem}; a callable for api_key or a quota must be picklable")

    async def _reply(self, call: Callable[..., Awaitable[T]]) -> T:
        """Return the result of a method of the client, in its loop."""
        loop = self._client.loop.asyncio_loop
        if loop is asyncio.get_running_loop():
            return await call(asynchronous=True)

        async def there() -> T:
            return await call(asynchronous=True)

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(there(), loop))

    async def __aexit__(self, *_: object) -> None:
        # Dask alone would let the tasks under way go on.
        for fetcher in [*self._fetchers]:
            await fetcher.batches.aclose()
        if self._client.status != "running":
            return  # the scheduler is gone, and its workers end by themselves
        try:
            async with asyncio.timeout(_GOODBYE):
                await self._reply(partial(self._client.run, worker.leave, self._run, on_error="ignore"))
        except Exception as error:  # the scan is over, whatever became of the cluster
            _logger.debug("scan: the workers could not be told that it is over: %s", type(error).__name__)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
