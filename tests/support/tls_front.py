"""TLS in front of a server that has none, such as the emulator, with client certificates if need be."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from threading import Thread

from tests.support.common import PATIENCE

__all__ = ["tls_front"]


@contextlib.contextmanager
def tls_front(context: ssl.SSLContext, port: int) -> Iterator[int]:
    """Pass connections on to a port of this machine; yields the port to connect to.

    In threads with plain sockets: asyncio's servers send no alert to a client that they refuse.
    """
    threads: list[Thread] = []
    # A shut down listener wakes its thread.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        _start(threads, _accept, listener, context, port, threads)
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join(PATIENCE)


def _start(threads: list[Thread], target: object, *arguments: object) -> None:
    thread = Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
    threads.append(thread)
    thread.start()


def _accept(listener: socket.socket, context: ssl.SSLContext, port: int, threads: list[Thread]) -> None:
    with contextlib.suppress(OSError):
        while True:
            _start(threads, _serve, listener.accept()[0], context, port, threads)


def _serve(raw: socket.socket, context: ssl.SSLContext, port: int, threads: list[Thread]) -> None:
    with raw, contextlib.suppress(OSError):
        raw.settimeout(PATIENCE)
        try:
            client = context.wrap_socket(raw.dup(), server_side=True)
        except ssl.SSLError:
            # Closed with unread input, the connection would be reset, and the alert in it might be lost.
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(65536):
                pass
            return
        with client, socket.create_connection(("127.0.0.1", port)) as upstream:
            _start(threads, _pump, upstream, client)
            _pump(client, upstream)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
