"""Files of exports: whole or not there, whatever happens meanwhile, and no trace of an attempt that failed."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import stat
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from partoo_async import ConfigurationError, Group, PartooClient, ScanItem, ScanSuccess, exports
from partoo_async._internal import atomic_file
from partoo_async.exports import formats, writer
from tests.support.common import PATIENCE

FORMATS = ["ndjson", "csv", "parquet"]
OLD = b"what was there before"


def items(count: int, businesses: int = 1) -> Iterator[ScanItem]:
    """Outcomes that do not compress well."""
    for number in range(count):
        ids = tuple(os.urandom(12).hex() for _ in range(businesses))
        yield ScanSuccess(7, number, Group(number, f"G{number}", False, ids), None, 1, 0.1)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "groups.ndjson"
    path.write_bytes(OLD)
    return path


def content(path: Path) -> bytes:
    return path.read_bytes()


def names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def assert_untouched(target: Path) -> None:
    assert content(target) == OLD
    assert names(target.parent) == [target.name]


async def test_the_file_appears_when_it_is_complete(target: Path) -> None:
    """Until the last outcome, readers see the old file; then the new one, under the same permissions."""
    os.chmod(target, 0o600)

    async def source() -> AsyncIterator[ScanItem]:
        for item in items(3, businesses=20_000):
            yield item
            assert content(target) == OLD

    result = await exports.write(source(), target)
    assert content(target).count(b"\n") == result.rows == 3
    assert permissions(target) == 0o600
    assert names(target.parent) == [target.name]


async def test_a_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    """As any program's new file: all that the umask leaves, and not the 0600 of temporary files."""
    old = os.umask(0o027)
    try:
        await exports.write(items(1), tmp_path / "a.csv")
    finally:
        os.umask(old)
    assert permissions(tmp_path / "a.csv") == 0o640


async def test_a_link_stays_a_link(target: Path, tmp_path: Path) -> None:
    """What a symbolic link points to is replaced, and not the link."""
    (tmp_path / "there").mkdir()
    link = tmp_path / "there" / "latest.ndjson"
    link.symlink_to(target)
    assert (await exports.write(items(2), link)).path == link
    assert link.is_symlink()
    assert content(target).count(b"\n") == 2
    assert names(link.parent) == [link.name]


@pytest.mark.parametrize("file_format", FORMATS)
async def test_an_error_of_the_source_leaves_no_trace(target: Path, file_format: Any) -> None:
    """Whatever ends the source goes through as it is; nothing is left of the file, before its first row or after."""

    async def source(rows: int) -> AsyncIterator[ScanItem]:
        for item in items(rows, businesses=11_000):
            yield item
        raise LookupError("the source")

    for rows in (0, 2):
        with pytest.raises(LookupError, match="^'the source'$|^the source$"):
            await exports.write(source(rows), target, format=file_format)
        assert_untouched(target)


@pytest.mark.parametrize("file_format", FORMATS)
async def test_cancelling_leaves_no_trace(target: Path, file_format: Any) -> None:
    """Cancelled while it waits for the source, the export removes what it wrote, and closes the source."""
    waiting, closed = asyncio.Event(), asyncio.Event()

    async def source() -> AsyncIterator[ScanItem]:
        try:
            for item in items(2, businesses=11_000):
                yield item
            waiting.set()
            await asyncio.Event().wait()
        finally:
            closed.set()

    task = asyncio.create_task(exports.write(source(), target, format=file_format))
    await asyncio.wait_for(waiting.wait(), PATIENCE)
    assert len(names(target.parent)) == 2
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed.is_set()
    assert_untouched(target)


async def test_cancelling_waits_for_the_thread(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled in the middle of a write, even repeatedly, the export does not take the file from under the thread."""
    inside, go_on, over = threading.Event(), threading.Event(), threading.Event()

    def slow(value: dict[str, Any]) -> str:
        inside.set()
        assert go_on.wait(PATIENCE)
        over.set()
        return ""

    monkeypatch.setattr(formats, "row_line", slow)
    task = asyncio.create_task(exports.write(items(1), target))
    assert await asyncio.to_thread(inside.wait, PATIENCE)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert over.is_set()
    assert_untouched(target)


def in_turns(loop: asyncio.AbstractEventLoop, wait: int) -> Callable[..., asyncio.Future[Any]]:
    """An executor without threads: work is done at once, and heard of so many turns of the loop later. All that a
    thread may do between two turns is thus done, and which turn is which does not depend on the machine."""

    def run(_: None, work: Callable[[], Any]) -> asyncio.Future[Any]:
        result, future = work(), loop.create_future()

        def later(turns: int) -> None:
            if turns:
                loop.call_soon(later, turns - 1)
            elif not future.done():
                future.set_result(result)

        later(wait)
        return future

    return run


@pytest.mark.parametrize("there_before", [True, False])
@pytest.mark.parametrize("wait", [1, 2, 5])
async def test_cancelled_at_any_step(tmp_path: Path, there_before: bool, wait: int) -> None:
    """At each turn of the loop: the call raises and the file is as it was, or it returns and the file is replaced."""
    loop = asyncio.get_running_loop()
    target = tmp_path / "groups.ndjson"
    ends = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "run_in_executor", in_turns(loop, wait))
        for turns in range(1, 60):
            target.unlink(missing_ok=True)
            if there_before:
                target.write_bytes(OLD)
            task = asyncio.create_task(exports.write(items(2), target))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            assert names(tmp_path) == ([] if task.cancelled() and not there_before else [target.name])
            if task.cancelled() and there_before:
                assert content(target) == OLD
            elif not task.cancelled():
                assert content(target).count(b"\n") == task.result().rows == 2
            ends.append(task.cancelled())
    # Cancelled up to some turn, and from then on too late.
    assert ends == sorted(ends, reverse=True)
    assert {*ends} == {True, False}


@pytest.mark.parametrize("done", [False, True], ids=["in the thread", "just after it"])
async def test_cancelled_while_the_last_bytes_are_made_safe(
    target: Path, monkeypatch: pytest.MonkeyPatch, done: bool
) -> None:
    """With real threads: a cancellation in the last step, or in the moment when it is done, replaces nothing."""
    inside, go_on = threading.Event(), threading.Event()
    fsync = os.fsync

    def slow(descriptor: int) -> None:
        inside.set()
        assert go_on.wait(PATIENCE)
        fsync(descriptor)

    monkeypatch.setattr(atomic_file.os, "fsync", slow)
    task = asyncio.create_task(exports.write(items(2), target))
    assert await asyncio.to_thread(inside.wait, PATIENCE)
    if done:
        # The thread ends while the loop is not looking; the task is told and cancelled in the same turn.
        asyncio.get_running_loop().call_soon(task.cancel)
        go_on.set()
    else:
        task.cancel()
        await asyncio.sleep(0)
        go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert_untouched(target)


async def test_an_error_in_a_thread_that_nobody_waits_for(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails after the export was cancelled is no error that anybody hears of."""
    inside, go_on = threading.Event(), threading.Event()

    def failing(value: dict[str, Any]) -> str:
        inside.set()
        assert go_on.wait(PATIENCE)
        raise OSError(errno.EIO, "disk on fire")

    heard: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))
    monkeypatch.setattr(formats, "row_line", failing)
    task = asyncio.create_task(exports.write(items(1), target))
    assert await asyncio.to_thread(inside.wait, PATIENCE)
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    del task
    assert heard == []
    assert_untouched(target)


async def test_work_is_done_in_threads_by_the_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither encoding nor writing happens in the event loop's thread, and many outcomes go over at once."""
    threads: list[int] = []

    def counted(place: Any, writer: Any, batch: Any) -> int:
        threads.append(threading.get_ident())
        return add(place, writer, batch)

    add = writer._add
    monkeypatch.setattr(writer, "_add", counted)
    await exports.write(items(20_000), tmp_path / "a.ndjson")
    assert threading.get_ident() not in threads
    assert len(threads) == 2  # two cells an outcome, twenty thousand a batch


@contextmanager
def small_disk(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond ``size`` bytes: the kernel refuses the write, as on a full disk."""
    resource = pytest.importorskip("resource", reason="limits of a process are a thing of POSIX")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("count", [60, 20_000], ids=["at the end", "half way"])
async def test_a_full_disk(target: Path, file_format: Any, count: int) -> None:
    """A disk that is full, half way or when the last bytes are flushed, is an OSError that names the file."""
    with small_disk(256), pytest.raises(OSError, match=r"groups\.ndjson was not written: File too large") as caught:
        await exports.write(items(count), target, format=file_format)
    assert caught.value.errno == errno.EFBIG
    assert "nothing was overwritten" in str(caught.value)
    assert not isinstance(caught.value, ConfigurationError)
    assert_untouched(target)


async def test_a_failure_closes_the_source(target: Path) -> None:
    """A generator that was not asked for its last outcome is closed before the error goes on: a scan in it ends."""
    closed = asyncio.Event()

    async def source() -> AsyncIterator[ScanItem]:
        try:
            for item in items(20_000):
                yield item
        finally:
            await asyncio.sleep(0)
            closed.set()

    outcomes = source()
    with small_disk(256), pytest.raises(OSError, match="was not written"):
        await exports.write(outcomes, target)
    assert closed.is_set()


async def test_a_failure_closes_the_scan(client: PartooClient, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scan that was started by the export is closed by it when writing fails; one that was not, is not."""
    monkeypatch.setattr(writer, "_BATCH_CELLS", 1)  # so that it fails in the midst of the scan
    with small_disk(256):
        scan = client.scan([7, 9])
        with pytest.raises(OSError, match="was not written"):
            await exports.write(scan, target)
        assert "closed" in repr(scan)
        assert scan.progress.done < scan.plan.groups
        async with client.scan([7, 9]) as scan:
            with pytest.raises(OSError, match="was not written"):
                await exports.write(scan, target)
            assert "open" in repr(scan)
    assert_untouched(target)


async def test_a_file_that_cannot_be_made_safe(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What may not be on the disk as a whole is not left lying about."""

    def failing(*_: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(atomic_file.os, "fsync", failing)
    with pytest.raises(OSError, match=r"groups\.ndjson was not written: Input/output error"):
        await exports.write(items(1), target)
    monkeypatch.undo()
    assert_untouched(target)


@pytest.mark.parametrize("code", [errno.EBUSY, errno.EPERM, errno.EXDEV, errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("renamed", [True, False], ids=["renamed", "not renamed either"])
async def test_a_finished_file_is_never_deleted(
    target: Path, monkeypatch: pytest.MonkeyPatch, code: int, renamed: bool
) -> None:
    """A file that cannot be put in its place, at the end of hours maybe, is kept whole, and the error says where."""

    def failing(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(atomic_file.os, "replace", failing)
    if not renamed:
        monkeypatch.setattr(atomic_file.os, "rename", failing)
    with pytest.raises(OSError, match=os.strerror(code)) as caught:
        await exports.write(items(3), target)
    assert caught.value.errno == code
    assert content(target) == OLD
    (kept,) = [path for path in target.parent.iterdir() if path != target]
    assert str(caught.value).endswith(
        f"groups.ndjson was not replaced: {os.strerror(code)}; the finished file is {kept}"
    )
    assert content(kept).count(b"\n") == 3
    assert kept.name.startswith("groups-" if renamed else ".partoo-")


async def test_the_owner_the_group_and_the_permissions_stay(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What replaces a file is as open as that was, and no less: the umask, for new files, is not applied to it."""
    os.chmod(target, 0o664)
    other = next((group for group in os.getgroups() if group != target.stat().st_gid), None)
    owner = (4321, 8765) if os.geteuid() == 0 else (-1, -1 if other is None else other)
    os.chown(target, *owner)
    before = target.stat()
    old = os.umask(0o077)
    try:
        await exports.write(items(1), target)
    finally:
        os.umask(old)
    after = target.stat()
    assert after.st_ino != before.st_ino
    assert permissions(target) == 0o664
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)


class Refused:
    """A source that must not be asked for anything: what it stands for would cost requests."""

    def __aiter__(self) -> Refused:
        return self

    async def __anext__(self) -> ScanItem:
        raise AssertionError("the source was asked")


async def test_an_owner_that_cannot_be_given(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of somebody else's, who would lose it by the replacement: refused before the source is asked."""

    def failing(*_: Any) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    real = os.fstat

    def of_another(descriptor: int) -> os.stat_result:
        return os.stat_result([*real(descriptor)[:4], 4321, *real(descriptor)[5:10]])

    monkeypatch.setattr(atomic_file.os, "fstat", of_another)
    monkeypatch.setattr(atomic_file.os, "fchown", failing)
    with pytest.raises(
        ConfigurationError, match=r"^path: .* belongs to user \d+ and group \d+, which a new file cannot"
    ):
        await exports.write(Refused(), target)
    assert_untouched(target)


@pytest.mark.parametrize(("user", "refused"), [(1001, True), (1002, False), (1003, False), (0, False)])
async def test_a_file_of_another_user_in_a_sticky_directory(
    target: Path, monkeypatch: pytest.MonkeyPatch, user: int, refused: bool
) -> None:
    """As in /tmp: only the owner of the file, of the directory, or root may replace it; others hear so at once."""
    found = os.stat_result([0o100666, 1, 1, 1, 1002, 1, 0, 0, 0, 0])
    directory = os.stat_result([0o041777, 1, 1, 1, 1003, 1, 0, 0, 0, 0])
    monkeypatch.setattr(atomic_file.os, "geteuid", lambda: user)
    monkeypatch.setattr(Path, "stat", lambda _: directory)
    obstacle = atomic_file._obstacle(target, found)
    assert bool(obstacle) is refused
    assert not refused or "only its owner may; use another path" in str(obstacle)


def mounts() -> bool:
    return os.name == "posix" and os.geteuid() == 0 and shutil.which("mount") is not None


@contextmanager
def mounted(source: Path, target: Path) -> Iterator[None]:
    """Mount one file over another, as a container does with a single file."""
    source.touch()
    if not mounts() or subprocess.run(["mount", "--bind", source, target], check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    try:
        yield
    finally:
        subprocess.run(["umount", target], check=True)


async def test_a_mounted_file(target: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A file that is mounted into a container cannot be replaced: refused before the source is asked."""
    with (
        mounted(tmp_path_factory.mktemp("host") / "file", target),
        pytest.raises(ConfigurationError, match=r"cannot be replaced: it is mounted, .*; mount its directory instead$"),
    ):
        await exports.write(Refused(), target)
    assert_untouched(target)


async def test_a_mount_of_another_device(target: Path) -> None:
    """Told by the device where the system numbers no mounts."""
    found = target.stat()
    elsewhere = os.stat_result([*found[:2], found.st_dev + 1, *found[3:10]])
    assert "it is mounted" in str(atomic_file._obstacle(target, elsewhere))
    assert atomic_file._obstacle(target, found) is None


async def test_a_name_that_is_no_utf8(tmp_path: Path) -> None:
    """A name from a Latin-1 system: the file is written, and a message about it can be printed and logged."""
    target = tmp_path / os.fsdecode(b"caf\xe9.ndjson")
    assert (await exports.write(items(1), target)).path == target
    assert os.listdir(os.fsencode(tmp_path)) == [b"caf\xe9.ndjson"]
    with pytest.raises(ConfigurationError, match=r"caf\\xe9\.ndjson; make it$") as caught:
        await exports.write(items(1), target / "a.csv")
    str(caught.value).encode()


def in_no_directory(path: Path) -> Path:
    return Path("/proc/self") / path.name


def on_a_device(path: Path) -> Path:
    return Path(os.devnull)


def through_a_file(path: Path) -> Path:
    return path / "a.csv"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a directory where nobody may write")
@pytest.mark.parametrize(
    ("elsewhere", "message"),
    [
        (in_no_directory, "^path: cannot write /proc/self/groups.ndjson: "),
        (on_a_device, "^path: expected a file, not a device or a pipe: /dev/null$"),
        (through_a_file, "^path: expected a directory that exists, not .*groups.ndjson; make it$"),
    ],
)
async def test_a_place_where_no_file_can_be(target: Path, elsewhere: Callable[[Path], Path], message: str) -> None:
    """An unwritable directory, a device that would be replaced by a file: refused before the source is asked."""
    asked = False

    async def source() -> AsyncIterator[ScanItem]:
        nonlocal asked
        asked = True
        yield next(items(1))

    with pytest.raises(ConfigurationError, match=message):
        await exports.write(source(), elsewhere(target), format="csv")
    assert not asked
    assert_untouched(target)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


async def test_a_write_protected_file(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that may not be written is not replaced either, although its directory would allow it."""
    os.chmod(target, 0o444)
    if os.access(target, os.W_OK):  # root may write anything
        monkeypatch.setattr(atomic_file.os, "access", lambda *_: False)
    with pytest.raises(ConfigurationError, match=r"^path: expected a file that may be written; .* is write-protected$"):
        await exports.write(items(1), target)
    assert_untouched(target)


async def test_a_directory_that_cannot_be_synced(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some systems cannot sync a directory; the file is written all the same."""
    fsync = os.fsync

    def only_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(atomic_file.os, "fsync", only_files)
    assert (await exports.write(items(2), target)).rows == 2
    assert content(target).count(b"\n") == 2


def test_a_replacement_is_opened_first(tmp_path: Path) -> None:
    """Writing before open() is a mistake of the code, and discarding then does nothing."""
    place = atomic_file.AtomicFile(tmp_path / "a")
    place.discard()
    with pytest.raises(RuntimeError, match="between open"):
        place.commit()
