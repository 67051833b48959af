"""When a server is told to stop.

uvicorn tells its application only when the last answer has ended, and a stream of events would never end. So this
listens to the signals as well.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def on_stop(tell: Callable[[], None]) -> Iterator[None]:
    """Call ``tell`` in the event loop at SIGTERM or Ctrl-C, as well as what the server does then."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(tell)
        server = before[signal.Signals(number)]
        if callable(server):
            server(number, frame)

    # A server in another thread, as tests have it, gets no signals; one without handlers keeps the default.
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
