"""Learn at once that the server stops.

uvicorn tells its application only when the last response has ended, which a stream of events never does.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def on_stop(tell: Callable[[], None]) -> Iterator[None]:
    """Call ``tell`` in the event loop at SIGTERM or Ctrl-C, before the server's own handler."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(tell)
        server = before[signal.Signals(number)]
        if callable(server):
            server(number, frame)

    # Only the main thread gets signals. A signal without a handler keeps its default effect.
    ours = [number for number, server in before.items() if callable(server)]
    if threading.current_thread() is not threading.main_thread():
        ours = []
    for number in ours:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])
