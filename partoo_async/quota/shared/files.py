"""What a quota file may be, and what becomes of a damaged one. Blocking."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

__all__ = ["APPLICATION", "Identity", "identity_of", "network_file_system", "problem_of", "set_aside"]

# SQLite's application_id, in the first hundred bytes of the file.
APPLICATION = int.from_bytes(b"prtq", "big")

_MAGIC = b"SQLite format 3\x00"

# Their locks do not hold between hosts, or not at all.
_NETWORK = {
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "gfs2",
    "glusterfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "smb3",
    "smbfs",
}
_NETWORK |= {f"fuse.{name}" for name in ("ceph", "glusterfs", "s3fs", "sshfs", "rclone", "gcsfuse", "blobfuse")}

Identity = tuple[int, int]


def identity_of(path: str) -> Identity | None:
    """Return what tells the file from another one of that name; None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def network_file_system(path: str, mounts: str | None = None) -> str | None:
    """Return the kind of network file system that a path is on, as far as the system tells.

    Args:
        path: An absolute path. The file need not exist.
        mounts: What Linux has in ``/proc/self/mountinfo``.
    """
    if mounts is None:
        try:
            with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
                mounts = file.read()
        except OSError:
            return None  # not Linux
    path = os.path.join(os.path.realpath(os.path.dirname(path)), "")
    found, kind = "", None
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        point = left.split(" ")[4].encode(errors="surrogateescape").decode("unicode_escape")  # a space is \040
        inside = os.path.join(point, "")
        if path.startswith(inside) and len(inside) >= len(found):  # of two mounts at one point, the later one
            found, kind = inside, right.split(" ")[0]
    return kind if kind in _NETWORK else None


def problem_of(path: str) -> str:
    """Return why a file cannot be a quota file, before anything opens it; "" if it can."""
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        return f"there is no directory {folder}"
    if (kind := network_file_system(path)) is not None:
        return f"{folder} is on a network file system ({kind}), where locks do not hold; use Redis, or a local disk"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"the directory {folder} is not writable"
    with suppress(OSError):
        if not stat.S_ISREG(os.stat(path).st_mode):
            return f"{path} is not a file"
        if not os.access(path, os.R_OK | os.W_OK):
            return f"{path} is not writable"
    return ""


def set_aside(path: str, found: Identity | None, *, known: bool) -> bool:
    """Rename a damaged quota file, and return whether it is out of the way.

    Args:
        path: The file.
        found: Which one is damaged: nothing is done to another one that took its place.
        known: Whether it was a quota file before. Else its beginning has to say so, or be empty as after a power cut.
    """
    if found is None or identity_of(path) != found:
        return True
    if not known:
        # Closing the file drops the locks of this process on it: of no harm, since nobody can use it.
        with open(path, "rb") as file:
            head = file.read(100)
        ours = head[:16] == _MAGIC and int.from_bytes(head[68:72], "big") == APPLICATION
        if not ours and head.strip(b"\0"):
            return False
    with suppress(OSError):
        os.unlink(f"{path}-journal")  # or it would be applied to the next file
    os.replace(path, f"{path}.damaged")
    return True
