"""Every kind of fault by name, and the mix that ``chaos`` draws from."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from partoo_async.emulator.faults import connection, content, encodings, framing, statuses
from partoo_async.emulator.faults.kinds import nearest
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from partoo_async.emulator.faults.kinds import Kind

__all__ = ["CHAOS_MIX", "GROUPS", "KINDS", "kind_of"]

# Under the headings of the documentation.
GROUPS: Mapping[str, tuple[Kind, ...]] = MappingProxyType(
    {
        "The connection": connection.KINDS,
        "Other responses": statuses.KINDS,
        "Broken HTTP": framing.KINDS,
        "Encodings": encodings.KINDS,
        "Content": content.KINDS,
    }
)
# By the names that `faults.add` takes.
KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kinds in GROUPS.values() for kind in kinds})

# With their options; each gets the same share. None of them takes long, so that a demo goes on at a visible speed.
CHAOS_MIX: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("close", {}),
    ("reset", {}),
    ("close_in_body", {}),
    ("truncated_json", {}),
    ("unavailable", {"retry_after": 0}),
    ("status", {"status": 500}),
    ("gateway_page", {"status": 502}),
    ("stall", {"seconds": 0.5}),
    ("slow_body", {"seconds": 0.5}),
)


def kind_of(name: object) -> Kind:
    """Return the kind with that name."""
    if not isinstance(name, str):
        raise ConfigurationError(f"kind: expected the name of a fault, such as 'reset', not {type(name).__name__}")
    if name not in KINDS:
        raise ConfigurationError(f"kind: expected the name of a fault, not {name!r}{nearest(name, KINDS)}")
    return KINDS[name]
