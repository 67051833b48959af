"""Every kind of fault there is, by name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from partoo_async.emulator.faults import connection, content, encodings, framing, statuses
from partoo_async.emulator.faults.nearest import nearest
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from partoo_async.emulator.faults.kinds import Kind

__all__ = ["GROUPS", "KINDS", "kind_of"]

GROUPS: Mapping[str, tuple[Kind, ...]] = MappingProxyType(
    {
        "The connection": connection.KINDS,
        "Other answers": statuses.KINDS,
        "Broken HTTP": framing.KINDS,
        "Encodings": encodings.KINDS,
        "Content": content.KINDS,
    }
)
"""The kinds under the headings of the documentation."""

KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kinds in GROUPS.values() for kind in kinds})
"""The kinds by the name that ``emulator.faults.add`` takes."""


def kind_of(name: object) -> Kind:
    """Return the kind of that name; raises ``ConfigurationError``, with the nearest names, if there is none."""
    if not isinstance(name, str):
        raise ConfigurationError(f"kind: expected the name of a fault, such as 'reset', not {type(name).__name__}")
    if name not in KINDS:
        raise ConfigurationError(f"kind: expected the name of a fault, not {name!r}{nearest(name, KINDS)}")
    return KINDS[name]
