"""The command ``partoo``, up to where its imports begin."""

# Outside of the package, whose import takes longer than ``partoo --version`` may.

from __future__ import annotations

import sys
from typing import NoReturn

__all__ = ["main"]


def main() -> None:
    """Run the command line of this process and exit."""
    if sys.argv[1:] in (["--version"], ["-V"]) and _printed_version():
        return
    import gc  # noqa: PLC0415 - the version does without
    import signal  # noqa: PLC0415 - likewise

    try:
        # A traceback of imports says nothing, and an exception within the start of an extension module can end in a
        # crash. A command that has begun deals with Ctrl-C by itself; where it is ignored, it stays so.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, _stop)
        # To look for garbage again and again among what imports make, which stays, takes a tenth of the start.
        gc.disable()
        from partoo_async.cli import main as run  # noqa: PLC0415 - see above

        gc.freeze()
        gc.enable()
        run()
    except KeyboardInterrupt:
        _stop()


def _stop(*_: object) -> NoReturn:
    import os  # noqa: PLC0415 - loaded anyway

    if sys.stderr is not None:
        sys.stderr.write("partoo: interrupted\n")
        sys.stderr.flush()
    os._exit(130)


def _printed_version() -> bool:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - other commands do without

    # Closed streams and other oddities are for the long way.
    try:
        sys.stdout.write(f"partoo {version('partoo-async')}\n")
        sys.stdout.flush()
    except (PackageNotFoundError, OSError, AttributeError):
        return False
    return True
