"""Where tables go: a URL, or the name of a dlt destination. Imports dlt."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import dlt
from attrs import field, frozen

from partoo_async._internal.text import shown
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Target", "target_of"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_EXPECTED = "duckdb:///file, sqlite:///file, postgresql://user@host/database or the name of a dlt destination"


@frozen
class Target:
    """A destination that can be loaded into."""

    shown: str  # without a password
    destination: Any = field(repr=False)
    dataset: str
    password: str = field(default="", repr=False)

    def error(self, problem: object) -> ConfigurationError:
        """Return an error about it, without a password."""
        text = " ".join(str(problem).split())
        return ConfigurationError(f"to: {self.shown}: {text.replace(self.password, '***') if self.password else text}")


def target_of(to: str, dataset: str, layout: str) -> Target:
    """Return what ``to`` names. Raises ``ConfigurationError``.

    Args:
        to: A URL or a name.
        dataset: The schema or dataset.
        layout: The name of the schema or dataset for rows on their way, "%s" standing for ``dataset``.
    """
    options = {"staging_dataset_name_layout": layout}
    if "://" not in to:
        return _by_name(to, dataset, options)
    scheme = to.partition("://")[0]
    if scheme == "duckdb":
        file = _file(to, scheme)
        return Target(f"duckdb {shown(file)}", dlt.destinations.duckdb(str(file), **options), dataset)
    if scheme == "sqlite":
        file = _file(to, scheme)
        # Of any other dataset dlt makes a file of its own.
        made = dlt.destinations.sqlalchemy(f"sqlite:///{file}", **options)
        return Target(f"sqlite {shown(file)}", made, "main")
    if scheme in ("postgres", "postgresql"):
        return _postgres(to, dataset, options)
    raise ConfigurationError(f"to: expected {_EXPECTED}, not a URL with {scheme[:20]}://")


def _file(to: str, scheme: str) -> Path:
    path = to.removeprefix(f"{scheme}:///")
    if path == to or not path or path == ":memory:":
        raise ConfigurationError(f"to: expected {scheme}:///relative.file or {scheme}:////absolute/file")
    file = Path(path).absolute()
    if not file.parent.is_dir():
        raise ConfigurationError(f"to: there is no directory {shown(file.parent)} for {file.name}")
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
    return Target(where, _made(lambda: dlt.destinations.postgres(url, **options)), dataset, parts.password or "")


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
