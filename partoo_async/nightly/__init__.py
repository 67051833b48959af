"""The nightly job: read everything, compare it with what was known, load it, and remember it.

``run`` does that once, with its ``options``, in a directory that ``state`` keeps. ``reading`` fills the journal.
``watch`` repeats it in ``rounds``, and ``names`` finds what the things that changed are called.
"""

# Not named after its function: importing a room ``sync`` would hide the function of that name, which the package has.

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from partoo_async.nightly.run import SyncResult, sync

__all__ = ["SyncResult", "sync"]

if not TYPE_CHECKING:  # which would take any name for one of the package

    def __getattr__(name: str) -> Any:
        # On demand: a dlt source only reads.
        if name in __all__:
            from partoo_async.nightly import run  # noqa: PLC0415 - on demand

            return getattr(run, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
