"""What a journal has of a section: its list of groups, and from which response."""

# One that is as it was is neither decoded nor compared: its body has the mark of the one before. Then what is recorded
# is the only list there is, so it has a checksum.

from __future__ import annotations

import json
from array import array
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from partoo_async._protocol.json import decode_short, encode_json
from partoo_async.scan.journal.codec import checksum, summary_digests

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from partoo_async.models import Section

__all__ = ["Facts", "Seal", "digests_of", "known_lists", "seal_of", "select_facts", "without"]


class Seal(NamedTuple):
    """What has to be known of a section before it is read again."""

    mark: str = ""  # of the body that it was read from; "" if that is not known
    groups: int = 0  # how many it has


class Facts(NamedTuple):
    """What is recorded of a section, as its columns have it."""

    name: str | None
    group_ids: str
    digests: str | None  # of the groups' summaries; none in a journal of an earlier version
    details: str | None  # a JSON object: what else the section said of itself, its seal, and a checksum; as above

    @classmethod
    def of(
        cls,
        section_id: int,
        name: str | None,
        group_ids: Iterable[int],
        digests: Iterable[int],
        details: Mapping[str, object],
    ) -> Facts:
        """Return what is to be recorded."""
        facts = cls(name, _json(group_ids), _json(digests), None)
        return facts._replace(details=json.dumps({**details, "crc32": facts._checksum(section_id, details)}))

    def read(self, section_id: int) -> tuple[array[int], dict[str, Any]]:
        """Return the ids of the section's groups, and the details. Raises ``ValueError`` if anything is damaged."""
        details = _object(self.details)
        # An earlier version recorded neither a mark nor a checksum.
        found = details.pop("crc32", None)
        if (found is not None or "mark" in details) and found != self._checksum(section_id, details):
            raise ValueError("its checksum is wrong")
        try:
            return array("q", decode_short(self.group_ids)), details
        except (OverflowError, TypeError) as error:
            raise ValueError(str(error)) from None

    def intact(self, section_id: int) -> bool:
        """Whether nothing is damaged."""
        try:
            self.read(section_id)
        except ValueError:
            return False
        return True

    def _checksum(self, section_id: int, details: Mapping[str, object]) -> int:
        return checksum(section_id, ascii(self.name), str(self.digests), json.dumps(details), self.group_ids)


def select_facts(tables: Collection[str], schema: str = "main") -> str:
    """Return the query for the number and the facts of each section ``s``, in a journal that has these tables."""
    columns = ["section_id", "name", "group_ids"]
    for column, table in (("digests", "summaries"), ("details", "details")):
        known = f"(SELECT {column} FROM {schema}.{table} WHERE section_id = s.section_id)"  # noqa: S608 - two names
        columns.append(known if table in tables else "NULL")
    return f"SELECT {', '.join(columns)} FROM {schema}.sections AS s"  # noqa: S608 - of the names above


def digests_of(section: Section, groups: int) -> array[int]:
    """Return the digests of a section's groups, of which there are so many; of one that is listed twice the later."""
    digests = summary_digests(section.groups)
    if groups != len(digests):
        digests = [*dict(zip([group.id for group in section.groups], digests, strict=True)).values()]
    return array("I", digests)


def seal_of(details: str | None) -> Seal:
    """Return the seal of a section. Damage breaks it."""
    try:
        found = _object(details)
        return Seal(str(found["mark"]), int(found["groups"]))
    except (KeyError, OverflowError, TypeError, ValueError):
        return Seal()


def known_lists(
    section_ids: list[int], facts: dict[int, Facts], settled: dict[int, set[int]]
) -> dict[int, tuple[str | None, array[int]]]:
    """Return the name of each section and its groups that are not settled, by id, but for damaged ones."""
    found: dict[int, tuple[str | None, array[int]]] = {}
    for section_id in section_ids:
        with suppress(ValueError):
            groups, _ = facts[section_id].read(section_id)
            found[section_id] = facts[section_id].name, without(groups, settled.get(section_id, set()))
    return found


def without(groups: array[int], settled: set[int]) -> array[int]:
    """Return the groups that are not settled."""
    return array("q", [] if settled.issuperset(groups) else [one for one in groups if one not in settled])


def _object(details: str | None) -> dict[str, Any]:
    try:
        found = json.loads(details or "{}")
    except (RecursionError, TypeError) as error:  # SQLite keeps whatever it is given
        raise ValueError(str(error)) from None
    if not isinstance(found, dict):
        raise ValueError("its details are no object")
    return found


def _json(numbers: Iterable[int]) -> str:
    return encode_json([*numbers]).decode()
