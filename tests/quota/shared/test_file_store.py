"""The store in a file: what becomes of the file is noticed, and the event loop never waits for it."""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from partoo_async.policy import RateLimit
from partoo_async.quota.shared.file_store import FileStore
from partoo_async.quota.shared.files import network_file_system
from partoo_async.quota.shared.messages import Report, terms_of
from partoo_async.quota.shared.store import StoreError
from tests.support.common import PATIENCE
from tests.support.each import each

MINUTE = terms_of(RateLimit(300, 60.0), 0.1, 1.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "partoo.quota"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[FileStore]:
    store = FileStore(str(path), "one", PATIENCE)
    await store.open()
    yield store
    await store.aclose()


async def test_a_file_holds_several_quotas(path: Path, store: FileStore) -> None:
    """Each with its own state, and all processes that open the file see it."""
    other, same = FileStore(str(path), "two", PATIENCE), FileStore(str(path), "one", PATIENCE)
    assert (await store.exchange(Report("a", 1, bulk=50), MINUTE)).granted == 30
    assert (await other.exchange(Report("a", 1, bulk=50), MINUTE)).granted == 30
    reply = await same.exchange(Report("b", 1, bulk=50), MINUTE)
    assert (reply.granted, reply.members, reply.used, reply.version) == (0, 2, 30, 2)
    found = await store.look()
    assert found is not None
    assert {name: owner["held"] for name, owner in found[0]["owners"].items()} == {"a": 30, "b": 0}
    assert [name async for name, _, _ in store.look_all()] == ["one", "two"]
    await other.aclose()
    await same.aclose()


async def test_one_that_nobody_used_has_no_state(store: FileStore) -> None:
    """Opening it writes none."""
    assert await store.look() is None


async def test_processes_at_once_never_share_a_slot(path: Path) -> None:
    """Five of them, each with a thread of its own, ask as fast as they can; what they get is what is there."""
    stores = [FileStore(str(path), "one", PATIENCE) for _ in range(5)]
    await asyncio.gather(*(store.open() for store in stores))
    held = [0] * len(stores)

    async def work(index: int, store: FileStore) -> None:
        for number in range(1, 21):
            reply = await store.exchange(Report(str(index), number, held=held[index], bulk=2), MINUTE)
            held[index] += reply.granted

    await asyncio.gather(*(work(index, store) for index, store in enumerate(stores)))
    found = await stores[0].look()
    assert found is not None
    assert {int(name): owner["held"] for name, owner in found[0]["owners"].items()} == dict(enumerate(held))
    assert (found[0]["version"], sum(held)) == (100, 30)
    await asyncio.gather(*(store.aclose() for store in stores))


def remove(path: Path) -> None:
    path.unlink()


def replace(path: Path) -> None:
    with closing(sqlite3.connect(path.with_suffix(".new"))) as other:
        other.execute("VACUUM")
    path.with_suffix(".new").replace(path)


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(os.urandom(10_000))


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:3000])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def zero(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)


def spoil(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE quotas SET state = 'garbage'")


def age(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("""UPDATE quotas SET state = '{"owners": {"a": {}}, "version": 7}'""")


@each("harm", [remove, replace, overwrite, shorten, empty, zero, spoil, age])
def test_a_file_that_is_lost_in_mid_run_is_made_anew(
    harm: Callable[[Path], None], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """By the next exchange, of any process, and who saw the lost state says so: nothing is given at first."""

    async def main() -> None:
        path = tmp_path_factory.mktemp("quota") / "partoo.quota"
        stores = [FileStore(str(path), "one", PATIENCE) for _ in range(2)]
        for number, store in enumerate(stores, 1):
            await store.open()
            assert (await store.exchange(Report(str(number), 1, bulk=1), MINUTE)).version == number
        harm(path)
        for number, store in enumerate(stores, 1):
            reply = await store.exchange(Report(str(number), 2, seen=number, held=1, bulk=9), MINUTE)
            assert (reply.granted, reply.members, reply.used) == (0, number, number)
        for store in stores:
            await store.aclose()

    asyncio.run(main())


async def test_a_file_from_before_a_power_cut_is_no_obstacle(path: Path) -> None:
    """The next program starts, whatever is left of it: half of it, or zeros."""
    for harm in (shorten, zero, empty):
        store = FileStore(str(path), "one", PATIENCE)
        await store.open()
        await store.exchange(Report("a", 1), MINUTE)
        await store.aclose()
        harm(path)


async def test_a_directory_that_is_gone_is_an_error_until_it_is_back(path: Path, store: FileStore) -> None:
    """The store recovers by itself."""
    await store.exchange(Report("a", 1), MINUTE)
    away = path.parent.with_name("away")
    path.parent.rename(away)
    for number in (2, 3):
        with pytest.raises(StoreError, match="unable to open"):
            await store.exchange(Report("a", number), MINUTE)
    away.rename(path.parent)
    assert (await store.exchange(Report("a", 4), MINUTE)).version == 2


async def test_a_lock_of_another_process_does_not_hold_the_event_loop(path: Path, store: FileStore) -> None:
    """The exchange waits in its thread, up to its timeout, and goes on when the lock is released."""
    await store.exchange(Report("a", 1), MINUTE)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        exchanging = asyncio.ensure_future(store.exchange(Report("a", 2), MINUTE))
        for _ in range(50):
            await asyncio.sleep(0.001)
            assert not exchanging.done()
        impatient = FileStore(str(path), "one", 0.05)
        with pytest.raises(StoreError, match="another process locks it"):
            await impatient.open()
        await impatient.aclose()
        other.execute("ROLLBACK")
    assert (await exchanging).version == 2


async def test_an_exchange_that_was_given_up_changes_nothing(path: Path, store: FileStore) -> None:
    """It may be a minute old when the lock is released."""
    await store.exchange(Report("a", 1), MINUTE)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        given_up = asyncio.ensure_future(store.exchange(Report("a", 2, bulk=5), MINUTE))
        await asyncio.sleep(0.01)
        given_up.cancel()
        await asyncio.wait([given_up])
        other.execute("ROLLBACK")
    assert (await store.exchange(Report("a", 3), MINUTE)).version == 2


async def test_what_cannot_be_a_quota_file_is_refused_and_left(tmp_path: Path) -> None:
    """With the reason."""
    text, database = tmp_path / "notes.txt", tmp_path / "app.db"
    text.write_text("milk, eggs\n" * 100)
    with closing(sqlite3.connect(database)) as other:
        other.execute("CREATE TABLE users (id)")
    os.mkfifo(tmp_path / "pipe")
    cases = [
        (tmp_path / "missing" / "partoo.quota", "there is no directory"),
        (tmp_path, "is not a file"),
        (tmp_path / "pipe", "is not a file"),
        (text, "damaged, or no quota file"),
        (database, "is a database, but no quota file"),
    ]
    for path, problem in cases:
        before = path.read_bytes() if path.is_file() else b""
        store = FileStore(str(path), "one", PATIENCE)
        with pytest.raises(StoreError, match=problem):
            await store.open()
        await store.aclose()
        assert not path.is_file() or path.read_bytes() == before


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions hold nobody back here")
async def test_a_directory_that_is_not_writable_is_refused(tmp_path: Path) -> None:
    """SQLite keeps a file beside it."""
    tmp_path.chmod(0o500)
    store = FileStore(str(tmp_path / "partoo.quota"), "one", PATIENCE)
    with pytest.raises(StoreError, match="the directory .* is not writable"):
        await store.open()
    await store.aclose()
    tmp_path.chmod(0o700)


MOUNTS = r"""
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:40 / /mnt/share rw shared:1 - nfs4 server:/export rw
31 22 0:41 / /mnt/two\040words rw - fuse.sshfs me@host: rw
32 30 0:42 / /mnt/share/local rw - tmpfs tmpfs rw
33 22 0:43 / /mnt/hidden rw - ext4 /dev/vdb rw
34 22 0:44 / /mnt/hidden rw - cifs //server/share rw
""".strip()


@each(
    ("path", "kind"),
    [
        ("/var/lib/partoo.quota", None),
        ("/partoo.quota", None),
        ("/mnt/share/partoo.quota", "nfs4"),
        ("/mnt/share/app/partoo.quota", "nfs4"),
        ("/mnt/shared/partoo.quota", None),
        ("/mnt/two words/partoo.quota", "fuse.sshfs"),
        ("/mnt/share/local/partoo.quota", None),
        ("/mnt/hidden/partoo.quota", "cifs"),
    ],
)
def test_network_file_systems_are_known(path: str, kind: str | None) -> None:
    """Where Linux tells of what is mounted."""
    assert network_file_system(path, MOUNTS) == kind


async def test_a_file_on_a_network_file_system_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its locks do not hold between hosts, so that processes would share nothing."""
    monkeypatch.setattr("partoo_async.quota.shared.files.network_file_system", lambda _: "nfs")
    store = FileStore(str(path), "one", PATIENCE)
    with pytest.raises(StoreError, match=r"network file system \(nfs\).*use Redis"):
        await store.open()
    assert not path.exists()


async def test_closing_twice_is_fine_and_opening_again_too(store: FileStore) -> None:
    """After ``aclose`` an exchange opens the file anew."""
    await store.exchange(Report("a", 1), MINUTE)
    await store.aclose()
    await store.aclose()
    assert (await store.exchange(Report("a", 2), MINUTE)).version == 2


async def test_an_idle_process_has_no_thread(store: FileStore) -> None:
    """One comes for each exchange; three hundred organizations would need as many."""
    await store.exchange(Report("a", 1), MINUTE)
    async with asyncio.timeout(PATIENCE):
        while any(thread.name == "partoo-work" for thread in threading.enumerate()):
            await asyncio.sleep(0.001)


async def test_the_file_of_a_loop_that_is_gone_is_closed(path: Path) -> None:
    """Without a warning, and the store works in another event loop."""
    store = FileStore(str(path), "one", PATIENCE)

    def elsewhere() -> None:
        with asyncio.Runner() as runner:
            runner.run(store.exchange(Report("a", 1), MINUTE))

    await asyncio.to_thread(elsewhere)
    store.abandon()
    assert (await store.exchange(Report("a", 2), MINUTE)).version == 2
    await store.aclose()
    gc.collect()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
async def test_a_forked_process_leaves_the_connection_of_its_parent_alone(path: Path, store: FileStore) -> None:
    """It opens the file anew, also if it was forked in the middle of an exchange."""
    await store.exchange(Report("a", 1), MINUTE)
    store._turn.acquire()
    child = os.fork()
    if child == 0:
        version = 255
        try:
            store.abandon()
            version = asyncio.new_event_loop().run_until_complete(store.exchange(Report("b", 1), MINUTE)).version
        finally:
            os._exit(version)
    store._turn.release()
    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    assert os.waitstatus_to_exitcode(status) == 2
    assert (await store.exchange(Report("a", 2), MINUTE)).version == 3
