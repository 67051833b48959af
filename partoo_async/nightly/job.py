"""``sync``: the nightly job as one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partoo_async._internal.secret import hide

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from partoo_async.client import PartooClient
    from partoo_async.nightly.result import SyncResult
    from partoo_async.scan.inference import Strategy, Verify
    from partoo_async.scan.outcomes import ScanProgress

__all__ = ["sync"]


async def sync(
    client: PartooClient,
    state: str | os.PathLike[str],
    to: str | None = None,
    report: str | os.PathLike[str] | None = None,
    strategy: Strategy = "auto",
    *,
    verify: Verify = 20,
    organization: int | str | None = None,
    history: bool = False,
    dataset: str = "partoo",
    keep: int = 7,
    on_progress: Callable[[ScanProgress], object] | None = None,
) -> SyncResult:
    """Read everything, compare it with the run before, write a report, and load it into a database.

    Killed at any moment and called again, it goes on. What cannot be read is never taken for gone.

    Args:
        client: An open client.
        state: Directory for what is known from one run to the next. Made if missing.
        to: ``duckdb:///file``, ``sqlite:///file``, ``postgresql://...``, or the name of a dlt destination. Needs the
            extra ``dlt``. None: nowhere.
        report: A file to write: .html, .md or .json.
        strategy: As for ``scan_all``.
        verify: As for ``scan_all``.
        organization: The id of another organization, for keys of the PROVIDER role; or a name for this one. The tables
            get a column with it, so that several organizations can share them.
        history: Keep former rows, with the time until which they held.
        dataset: Schema of the tables.
        keep: How many journals of earlier runs to keep.
        on_progress: A plain callable that gets a ``ScanProgress``.

    Raises:
        ConfigurationError: An argument or the state cannot be used, or a file or the database cannot be written.
        PartooError: Nothing could be read.
    """
    # Here, because they load SQLite: a program that only names this function does not wait for it.
    from partoo_async.nightly.options import SyncOptions  # noqa: PLC0415 - see above
    from partoo_async.nightly.run import run_once  # noqa: PLC0415 - see above

    to = hide(to)  # no frame of a traceback shows a password
    options = SyncOptions.checked(
        state,
        to,
        report,
        strategy=strategy,
        verify=verify,
        organization=organization,
        history=history,
        dataset=dataset,
        keep=keep,
        on_progress=on_progress,
    )
    return await run_once(client, options)
