"""Libraries of extras, which need not be installed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from partoo_async._internal.version import install_command
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["needs_extra"]


@contextmanager
def needs_extra(extra: str, library: str, purpose: str) -> Iterator[None]:
    """Say what to install if the library, which the block imports, is missing. Raises ``ConfigurationError``."""
    try:
        yield
    except ModuleNotFoundError as missing:
        # Another module that the library misses is another fault.
        if (missing.name or "").partition(".")[0] != library:
            raise
        command = install_command(extra)
        raise ConfigurationError(f"{library}: expected to be installed for {purpose}: {command}") from None
