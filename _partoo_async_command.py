"""The command ``partoo``, up to where its imports begin."""

# Outside of the package, whose import takes longer than ``partoo --version`` may. Ctrl-C during the imports of any
# command ends here, without a traceback.

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line of this process and exit."""
    try:
        if sys.argv[1:] in (["--version"], ["-V"]) and _printed_version():
            return
        from partoo_async.cli import main as run  # noqa: PLC0415 - see above

        run()
    except KeyboardInterrupt:
        # During imports: later ones are dealt with by the command.
        if sys.stderr is not None:
            sys.stderr.write("partoo: interrupted\n")
        sys.exit(130)


def _printed_version() -> bool:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - other commands do without

    # Closed streams and other oddities are for the long way.
    try:
        sys.stdout.write(f"partoo {version('partoo-async')}\n")
        sys.stdout.flush()
    except (PackageNotFoundError, OSError, AttributeError):
        return False
    return True
