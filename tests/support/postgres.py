"""A PostgreSQL server of the tests' own, in a folder and on a free port, that is gone when they are."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.common import PATIENCE
from tests.support.redis_server import free_port

PASSWORD = "p4ssw0rd-of-the-database"


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))  # where Debian has them
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def _account() -> pwd.struct_passwd | None:
    # It refuses to be root's.
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    pytest.skip("needs an account for PostgreSQL")


@contextmanager
def postgres_server() -> Iterator[str]:
    """Give the URL of its databases, without their name."""
    psycopg2 = pytest.importorskip("psycopg2", reason="needs psycopg2")
    binaries = _binaries()
    if binaries is None:
        pytest.skip("needs PostgreSQL")
    account = _account()
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    options: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)
        options |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": ()}
    password, port = folder / "password", free_port()
    password.write_text(PASSWORD)
    data = str(folder / "data")
    login = ["-U", "partoo", "-A", "scram-sha-256", f"--pwfile={password}"]
    kind = ["-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
    subprocess.run([binaries / "initdb", "-D", data, *login, *kind], check=True, timeout=PATIENCE, **options)
    settings = ("listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", "fsync=off", "full_page_writes=off")
    command = [binaries / "postgres", "-D", data, "-p", str(port), *(part for one in settings for part in ("-c", one))]
    process = subprocess.Popen(command, **options)
    url = f"postgresql://partoo:{PASSWORD}@127.0.0.1:{port}"
    try:
        while True:
            try:
                psycopg2.connect(f"{url}/postgres").close()
            except psycopg2.OperationalError:
                assert process.poll() is None, "PostgreSQL did not start"
                time.sleep(0.02)
            else:
                break
        yield url
    finally:
        process.send_signal(signal.SIGINT)  # closes its connections
        process.wait(PATIENCE)
        shutil.rmtree(folder, ignore_errors=True)
