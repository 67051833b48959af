"""Write outcomes to a file, in batches and in constant memory: all of them or none."""

from __future__ import annotations

import asyncio
import concurrent.futures.thread  # noqa: F401 - asyncio would import it late, perhaps without a file handle
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, TypeVarTuple

from attrs import frozen

from partoo_async._internal.atomic_file import AtomicFile
from partoo_async._internal.callables import wait_uncancelled
from partoo_async._internal.checks import check_file, check_flag
from partoo_async.errors import ClientClosedError, ConfigurationError, PartooError
from partoo_async.exports.formats import choose_encoder
from partoo_async.scan.items import ScanItem
from partoo_async.scan.many.rows import group_of
from partoo_async.scan.outcomes import ScanReport, has_businesses
from partoo_async.scan.scan import Scan

if TYPE_CHECKING:
    import os

    from partoo_async.exports.csv_rows import RowKind
    from partoo_async.exports.formats import Delimiter, Encoder, Format
    from partoo_async.scan.many.rows import ManyItem

__all__ = ["Source", "Written", "write", "write_encoded", "write_many"]

Source: TypeAlias = Scan | ScanReport | AsyncIterable[ScanItem] | Iterable[ScanItem]
"""Where outcomes come from."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_OF_MANY = ScanItem | PartooError

# A batch is what goes to a thread at once: some milliseconds of work, whether groups have one business or thousands.
_BATCH_CELLS = 20_000


@frozen
class Written:
    """What ``write`` wrote.

    Attributes:
        path: The file, as it was given.
        groups: Groups that were read.
        rows: Rows of the file, without the header.
        failed: Outcomes with an error.
    """

    path: Path
    groups: int
    rows: int
    failed: int


async def write(
    source: Source,
    path: str | os.PathLike[str],
    *,
    format: Format | None = None,  # noqa: A002 - the word that people know from other libraries
    rows: RowKind | None = None,
    delimiter: Delimiter | None = None,
    businesses: bool | None = None,
) -> Written:
    r"""Write every outcome of a scan to a file; a failed one is a row with an ``error``.

    The file appears when it is complete; else nothing of it remains, and an earlier file stays as it was. A file that
    is replaced hands on its owner, group and permissions.

    Args:
        source: A ``Scan``, which is run here or continued from where it is; a ``ScanReport``; or an iterable of
            ``ScanItem``, async or not.
        path: The file. Its suffix says the format: ``.ndjson``, ``.jsonl``, ``.csv`` or ``.parquet`` (extra ``arrow``).
        format: ``"ndjson"``, ``"csv"`` or ``"parquet"``, for a path with another suffix.
        rows: For CSV: a row for each ``"business"`` (the default), or for each ``"group"``, its businesses joined by
            ``;`` (in their names, a ``;`` is then written as ``,``).
        delimiter: For CSV: ``","`` (the default), ``";"`` or a tab.
        businesses: Whether there are columns of names, store codes, statuses and cities beside the ids. By default if
            the scan or the report has them; of another iterable only if it is True.

    Returns:
        The path, and how many groups, rows and failures it has.

    Raises:
        ConfigurationError: An argument is wrong, or the file cannot be written or replaced. Nothing was read.
        OSError: Writing failed later, as on a full disk. It says where a finished file is kept.
        ScanError: The scan ended early. Any other error of the source is raised, too.
    """
    target = check_file("path", path)
    if businesses is not None:
        check_flag("businesses", businesses)
    elif isinstance(source, Scan):
        businesses = source.with_businesses
    else:
        businesses = isinstance(source, ScanReport) and has_businesses(source)
    encoder = choose_encoder(target, format, rows, delimiter, businesses=businesses)
    return await write_encoded(_outcomes(source), target, encoder)


async def write_many(
    source: AsyncIterable[ManyItem],
    path: str | os.PathLike[str],
    *,
    format: Format | None = None,  # noqa: A002 - as above
    rows: RowKind | None = None,
    delimiter: Delimiter | None = None,
    businesses: bool = False,
) -> Written:
    """Write the outcomes of many organizations to one file, as ``write`` does, with a first column ``organization``.

    An organization that failed as a whole is a row with the name and the ``error`` alone.

    Args:
        source: What ``scan_many`` returned.
        path: As for ``write``.
        format: As for ``write``.
        rows: As for ``write``.
        delimiter: As for ``write``.
        businesses: Whether there are columns of names, store codes, statuses and cities beside the ids.

    Returns:
        As for ``write``. Organizations that failed as a whole count as failures.

    Raises:
        ConfigurationError: As for ``write``.
        OSError: As for ``write``.
    """
    target = check_file("path", path)
    if not isinstance(source, AsyncIterable):
        raise ConfigurationError(f"source: expected what scan_many() returned, not {type(source).__name__}")
    check_flag("businesses", businesses)
    encoder = choose_encoder(target, format, rows, delimiter, businesses=businesses, organizations=True)
    return await write_encoded(_each_pair(source), target, encoder)


async def write_encoded(outcomes: AsyncGenerator[Any, None], target: Path, encoder: Encoder) -> Written:
    """Write what an encoder takes to a file, as ``write`` does."""
    place = AtomicFile(target)
    groups = failed = rows = 0
    try:
        await _in_thread(_begin, place, encoder)
        async with aclosing(outcomes), aclosing(_batches(outcomes)) as batches:
            async for batch in batches:
                rows += await _in_thread(_add, place, encoder, batch)
                read = sum(group_of(outcome) is not None for outcome in batch)
                groups, failed = groups + read, failed + len(batch) - read
                del batch  # else it would be held until the next one is complete
        await _in_thread(_end, place, encoder)
        # Not in a thread, and nothing is awaited from here on: a cancellation comes before it, and the old file stays,
        # or after it, and the call has returned. A name in a directory is changed in a moment.
        place.commit()
    except BaseException:
        # Not in a thread: this has to happen even while the program is being stopped.
        encoder.abandon()
        place.discard()
        raise
    return Written(target, groups, rows, failed)


def _begin(place: AtomicFile, encoder: Encoder) -> None:
    place.open()
    with place.writing() as file:
        encoder.begin(file)


def _add(place: AtomicFile, encoder: Encoder, batch: Sequence[Any]) -> int:
    with place.writing() as file:
        rows = encoder.write(file, batch)
        file.flush()  # that the disk is full is told now, and not after hours
    return rows


def _end(place: AtomicFile, encoder: Encoder) -> None:
    with place.writing() as file:
        encoder.finish(file)
    place.complete()


async def _in_thread(work: Callable[[*Ts], T], *arguments: *Ts) -> T:
    # Not asyncio.to_thread: at the end of a program its task is cancelled too, and nobody would wait for the thread.
    future = asyncio.get_running_loop().run_in_executor(None, partial(work, *arguments))
    try:
        await wait_uncancelled(future)
    except asyncio.CancelledError:
        # Waited for all the same: the thread still uses the file.
        future.exception()  # looked at, so that nobody complains that it was not
        raise
    return future.result()


async def _batches(outcomes: AsyncIterable[Any]) -> AsyncGenerator[list[Any], None]:
    batch: list[Any] = []
    cells = 0
    async for outcome in outcomes:
        batch.append(outcome)
        group = group_of(outcome)
        cells += 1 + (len(group.business_ids) if group is not None else 0)
        if cells >= _BATCH_CELLS:
            yield batch
            batch, cells = [], 0
    if batch:
        yield batch


def _outcomes(source: object) -> AsyncGenerator[ScanItem, None]:
    # A wrong source is told at once, and not at the first iteration.
    if isinstance(source, Scan):
        return _scanned(source)
    if isinstance(source, ScanReport):
        return _each(source.items)
    if isinstance(source, AsyncIterable):
        return _each_item(_each_async(source))
    if isinstance(source, Iterable) and not isinstance(source, (str, bytes, Mapping)):
        return _each_item(_each(source))
    raise ConfigurationError(
        f"source: expected a scan, a ScanReport or an iterable of ScanItem, not {type(source).__name__}"
    )


async def _each_item(items: AsyncGenerator[Any, None]) -> AsyncGenerator[ScanItem, None]:
    count = 0
    async with aclosing(items):
        async for item in items:
            if not isinstance(item, ScanItem):
                raise ConfigurationError(f"source: expected ScanItem values; item {count} is {type(item).__name__}")
            count += 1
            yield item


async def _each_pair(source: AsyncIterable[Any]) -> AsyncGenerator[Any, None]:
    count = 0
    async with aclosing(_each_async(source)) as pairs:
        async for pair in pairs:
            if not (isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[1], _OF_MANY)):
                raise ConfigurationError(f"source: expected what scan_many() yields; item {count} is something else")
            count += 1
            yield pair


async def _each(items: Iterable[ScanItem]) -> AsyncGenerator[ScanItem, None]:
    for item in items:
        yield item


async def _each_async(items: AsyncIterable[ScanItem]) -> AsyncGenerator[ScanItem, None]:
    async with AsyncExitStack() as stack:
        if isinstance(items, AsyncGenerator):
            # When writing fails, a generator would stand still in the midst of its work, a scan for one, until it is
            # collected.
            await stack.enter_async_context(aclosing(items))
        async for item in items:
            yield item


async def _scanned(scan: Scan) -> AsyncGenerator[ScanItem, None]:
    """Yield what a scan has left; run it if nobody has started it."""
    taken = 0
    async with AsyncExitStack() as stack:
        if not _started(scan):
            await stack.enter_async_context(scan)
        items = None
        with suppress(ClientClosedError):  # of a scan that was closed before: told below
            items = aiter(scan)
        if items is not None:
            async for item in items:
                taken += 1
                yield item
    progress = scan.progress
    # A file that looks complete and is not would be worse than none.
    if not scan.complete or (progress.total and not taken):
        raise ConfigurationError(
            f"source: expected a scan with outcomes left, not one that has ended, after {progress.done} of "
            f"{progress.total}; make another with client.scan(...)"
        )


def _started(scan: Scan) -> bool:
    try:
        _ = scan.plan
    except ConfigurationError:
        return False
    return True
