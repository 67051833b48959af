"""Processes without the half second of imports: each is forked from a Python that has imported the package.

This file is three programs. ``serve`` has imported everything and waits at a socket. Whoever wants a process starts
``ask`` in place of Python, with its socket and the words for Python: it hands on its streams, its environment and
signals, and ends as the process does. What is about the start of an interpreter takes ``sys.executable`` instead.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys

SIGNALS = (signal.SIGINT, signal.SIGTERM)
AVAILABLE = hasattr(os, "pidfd_open") and hasattr(socket, "SOCK_SEQPACKET")


def line() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def ask(path: str, words: list[str]) -> None:
    """Have a process run as ``python`` with these words does, with the streams of this one, and end with its code."""
    with line() as server:
        server.connect(path)
        wanted = {"words": words, "environment": dict(os.environ), "directory": os.getcwd()}
        # A signal that comes before the handlers are set waits for them, even where Ctrl-C is ignored until then.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        socket.send_fds(server, [json.dumps(wanted).encode()], [0, 1, 2])
        for number in SIGNALS:
            signal.signal(number, lambda number, _: server.send(bytes([number])) and None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        code = int(server.recv(16))
    if code < 0:
        if -code in SIGNALS:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def serve(path: str) -> list[str]:
    """Fork for whoever asks, until standard input ends; return the words in the processes that were asked for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with line() as listener:
        listener.bind(path)
        listener.listen()
        os.write(1, b"ready\n")
        while 0 not in select.select([listener, 0], [], [])[0]:
            client, _ = listener.accept()
            with client:
                if os.fork() == 0:
                    listener.close()
                    return attend(client)
    os._exit(0)


def attend(client: socket.socket) -> list[str]:
    """Fork the process and hand signals on to it, its end to the client; a client that is killed takes it along."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request, streams, _, _ = socket.recv_fds(client, 1 << 20, 3)
    process = os.fork()
    if process == 0:
        client.close()
        return become(streams, **json.loads(request))
    ended = os.pidfd_open(process)
    while ended not in select.select([client, ended], [], [])[0]:
        told = client.recv(1)
        os.kill(process, told[0] if told else signal.SIGKILL)
        if not told:
            os._exit(0)
    client.send(b"%d" % os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
    os._exit(0)


def become(streams: list[int], words: list[str], environment: dict[str, str], directory: str) -> list[str]:
    """Make this process what an interpreter is at its start."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    by_line, later = 1, -1
    sys.stdin = sys.__stdin__ = open(0, closefd=False)  # noqa: SIM115 - this and the next two: open to the end
    sys.stdout = sys.__stdout__ = open(1, "w", by_line if os.isatty(1) else later, closefd=False)  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", by_line, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return words


if __name__ == "__main__":
    if len(sys.argv) > 2:
        ask(sys.argv[1], sys.argv[2:])
    import contextlib
    import io
    import runpy

    import aiosqlite  # noqa: F401 - here and below: what the processes would import
    import pytest  # noqa: F401

    import partoo_async.exports
    import partoo_async.testing  # noqa: F401
    from partoo_async.cli.app import run_process

    with contextlib.redirect_stderr(io.StringIO()):
        run_process(["scan"])  # typer imports a part when it is used
    # Else each process would look for garbage in all that, at the latest when it ends.
    gc.collect()
    gc.freeze()
    words = serve(sys.argv[1])
    how, what, *sys.argv[1:] = words if words[0] in ("-c", "-m") else ("file", *words)
    # At the end of the file, so that the process ends as every Python does.
    if how == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    elif how == "file":
        sys.path.insert(0, os.path.dirname(what))
        runpy.run_path(what, run_name="__main__")
    else:
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})
