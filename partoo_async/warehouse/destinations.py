"""Where tables go: a URL, or the name of a dlt destination. Imports dlt."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import dlt
from attrs import field, frozen
from dlt.common.exceptions import MissingDependencyException

from partoo_async._internal.text import cut, shown
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Target", "target_of"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_LONGEST = 500  # characters, of what a driver says
_EXPECTED = "duckdb:///file, sqlite:///file, postgresql://user@host/database or the name of a dlt destination"


@frozen
class Target:
    """A destination that can be loaded into."""

    shown: str  # without a password
    destination: Any = field(repr=False)
    dataset: str
    leftover: Path | None = None  # of no use after a load
    password: str = field(default="", repr=False)

    def merges(self, *, history: bool = False) -> bool:
        """Whether it can delete rows, or with ``history`` retire them."""
        strategy = "scd2" if history else "delete-insert"
        return strategy in (self.destination.capabilities().supported_merge_strategies or ())

    def error(self, problem: BaseException | str) -> ConfigurationError:
        """Return an error about it, without a password, or the ``ConfigurationError`` behind the problem."""
        if isinstance(problem, BaseException):
            cause = _cause(problem)
            if isinstance(cause, ConfigurationError):
                return ConfigurationError(str(cause))  # ours, about something else
            problem = _said(cause)
        text = (problem.splitlines() or [""])[0]
        text = cut(text.replace(self.password, "***") if self.password else text, _LONGEST)
        return ConfigurationError(f"to: {self.shown}: {text}")


def _cause(error: BaseException) -> BaseException:
    while not isinstance(error, MissingDependencyException | ConfigurationError):
        cause = error.__cause__ or error.__context__
        if cause is None:
            break
        error = cause
    return error


def _said(error: BaseException) -> str:
    if isinstance(error, MissingDependencyException):
        return f"it needs a driver: pip install {' '.join(map(repr, error.dependencies))}"
    return str(error) or type(error).__name__


def target_of(to: str, dataset: str, layout: str | None) -> Target:
    """Return what ``to`` names. Raises ``ConfigurationError``.

    Args:
        to: A URL or a name.
        dataset: The schema or dataset.
        layout: The name of the schema or dataset for rows on their way, "%s" standing for ``dataset``. None: dlt's.
    """
    options = {} if layout is None else {"staging_dataset_name_layout": layout}
    if "://" not in to:
        return _by_name(to, dataset, options)
    scheme = to.partition("://")[0]
    if scheme == "duckdb":
        file = _file(to, scheme, 8, b"DUCK")
        # The file's name is that of its catalog, and DuckDB does not know which of the two is meant.
        schema = "main" if file.stem.lower() == dataset.lower() else dataset
        return Target(f"duckdb {shown(file)}", dlt.destinations.duckdb(str(file), **options), schema)
    if scheme == "sqlite":
        file = _file(to, scheme, 0, b"SQLite format 3\0")
        # Of any other dataset, and of the rows on their way, dlt makes files of their own.
        leftover = file.with_name(f"{file.stem}__{(layout or '%s_staging') % 'main'}{file.suffix}")
        from sqlalchemy.pool import NullPool  # noqa: PLC0415 - for this one alone

        # A thread of dlt's may return its connection after the pool was given up: then nothing would close it.
        made = dlt.destinations.sqlalchemy(f"sqlite:///{file}", engine_kwargs={"poolclass": NullPool}, **options)
        return Target(f"sqlite {shown(file)}", made, "main", leftover)
    if scheme in ("postgres", "postgresql"):
        return _postgres(to, dataset, options)
    raise ConfigurationError(f"to: expected {_EXPECTED}, not a URL with {cut(scheme, 20)}://")


def _file(to: str, scheme: str, offset: int, magic: bytes) -> Path:
    path = to.removeprefix(f"{scheme}:///")
    if path == to or not path or path == ":memory:":
        raise ConfigurationError(f"to: expected {scheme}:///relative.file or {scheme}:////absolute/file")
    if "?" in path:
        raise ConfigurationError(f"to: {scheme}:/// takes the name of a file alone, and no '?' with options")
    file = Path(path).absolute()
    if not file.parent.is_dir():
        raise ConfigurationError(f"to: there is no directory {shown(file.parent)} for {file.name}")
    try:
        with file.open("rb") as opened:
            head = opened.read(offset + len(magic))
    except FileNotFoundError:
        return file
    except OSError as error:
        problem = error.strerror or str(error)
    else:
        # Of what it takes for another database, DuckDB downloads a reader.
        problem = "" if not head or head[offset:] == magic else f"it is no file of {scheme}"
    if problem:
        raise ConfigurationError(f"to: {shown(file)}: {problem}")
    return file


def _postgres(to: str, dataset: str, options: dict[str, Any]) -> Target:
    problem = ""
    try:
        parts = urlsplit(to)
        where = f"postgresql {parts.hostname}:{parts.port or 5432}{parts.path}"
        if not parts.hostname or not parts.path.strip("/"):
            problem = "a host or a database is missing"
    except ValueError as error:
        problem = str(error) if "port" in str(error).lower() else "it is no URL"
    if problem:
        raise ConfigurationError(f"to: expected postgresql://user:password@host:port/database; {problem}")
    url = "postgresql" + to[to.index("://") :]
    made = _made(lambda: dlt.destinations.postgres(url, **options))
    return Target(where, made, dataset, password=unquote(parts.password or ""))


def _by_name(to: str, dataset: str, options: dict[str, Any]) -> Target:
    if not _NAME.fullmatch(to):
        raise ConfigurationError(f"to: expected {_EXPECTED}")
    return Target(to, _made(lambda: dlt.destination(to, **options)), dataset)


def _made(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except Exception as error:
        kind = type(error).__name__
    raise ConfigurationError(f"to: expected {_EXPECTED} ({kind})")
