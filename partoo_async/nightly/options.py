"""The arguments of a run, checked before hours of reading."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from partoo_async._internal.atomic_file import AtomicFile
from partoo_async._internal.callables import in_daemon
from partoo_async._internal.checks import check_callback, check_count, check_file, check_flag, check_id, check_text
from partoo_async._internal.secret import hide
from partoo_async._internal.text import shown
from partoo_async.errors import ConfigurationError
from partoo_async.nightly.state import STATE_FACTS
from partoo_async.scan.inference import Strategy, Verify, check_strategy
from partoo_async.scan.outcomes import ScanProgress
from partoo_async.scan.scan import Scan
from partoo_async.scan.summary import check_report
from partoo_async.warehouse.scope import check_organization

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator


__all__ = ["SyncOptions", "check_targets", "naming_report", "naming_state"]


@frozen(kw_only=True)
class SyncOptions:
    """The checked arguments of ``sync``, and what only the command line asks for.

    ``on_scan``: gets the scan, whose progress changes between two outcomes, too. ``on_step``: gets in words what is
    done after it.
    """

    state: Path
    to: str | None = None
    report: Path | None = None
    strategy: Strategy = "auto"
    verify: Verify = 20
    organization: int | str | None = None
    history: bool = False
    dataset: str = "partoo"
    keep: int = 7
    on_progress: Callable[[ScanProgress], object] | None = None
    on_scan: Callable[[Scan], object] = id
    on_step: Callable[[str], object] = id

    @classmethod
    def checked(
        cls, state: str | os.PathLike[str], to: str | None, report: str | os.PathLike[str] | None, **others: Any
    ) -> SyncOptions:
        """Return the options. Raises ``ConfigurationError`` for one that cannot be used."""
        options = cls(
            state=check_file("state", state, "the path of a directory"),
            to=to if to is None else hide(check_text("to", to)),
            report=None if report is None else check_report("report", report),
            **others,
        )
        if options.report is not None and options.report.resolve() == (options.state / STATE_FACTS).resolve():
            raise ConfigurationError(f"report: {shown(options.report)} belongs to the state; use another file")
        check_strategy(options.strategy, options.verify)
        check_count("keep", options.keep, least=0)
        check_flag("history", options.history)
        check_text("dataset", options.dataset)
        check_callback("on_progress", options.on_progress)
        check_organization(options.organization)
        if options.org_id is not None:
            check_id("organization", options.org_id)
        return options

    @property
    def org_id(self) -> int | None:
        """The organization to read, None for the key's own."""
        return self.organization if isinstance(self.organization, int) else None


async def check_targets(options: SyncOptions) -> None:
    """Raise ``ConfigurationError`` for a report or a destination that cannot be written, before hours of reading."""
    if options.report is not None:
        with naming_report():
            await in_daemon(_try_file, options.report)
    if options.to is not None:
        await in_daemon(_try_target, options)


def _try_file(path: Path) -> None:
    file = AtomicFile(path)
    try:
        file.open()
    finally:
        file.discard()


def _try_target(options: SyncOptions) -> None:
    from partoo_async.warehouse.load import find_target  # noqa: PLC0415 - only for those who load

    find_target(str(options.to), check_organization(options.organization), options.history, options.dataset)


@contextmanager
def naming_report() -> Iterator[None]:
    """Turn errors about the file of the report into a ``ConfigurationError`` that begins with the argument."""
    try:
        yield
    except (ConfigurationError, OSError) as error:
        text = str(error.args[-1]) if isinstance(error, OSError) else str(error)
        if text.startswith("journal: "):
            raise
        problem = f"report: {text.removeprefix('path: ')}"
    else:
        return
    raise ConfigurationError(problem)


@contextmanager
def naming_state() -> Iterator[None]:
    """Let errors about a journal in the state directory begin with the argument."""
    try:
        yield
    except ConfigurationError as error:
        text, transient = str(error), error.transient
        if not text.startswith("journal: "):
            raise
    else:
        return
    raise ConfigurationError(f"state: {text.removeprefix('journal: ')}", transient=transient)
