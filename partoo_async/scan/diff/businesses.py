"""What changed of the businesses that both scans know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import Factory, define, frozen

from partoo_async._internal.values import Value
from partoo_async.models import Business, BusinessId

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

__all__ = ["BusinessChange", "BusinessFindings", "differences", "place", "status"]

_PLACE = ("address", "zipcode", "city", "country")
_SHOWN = ("name", "code", "status", *_PLACE)

_FOR_A_TIME = "temporarily closed"
# Both spellings are documented, and a server may change from one to the other.
_SPELLINGS = {"temporarily_closed": _FOR_A_TIME, "closed_temporarily": _FOR_A_TIME}
_CLOSED = ("closed", _FOR_A_TIME)


@frozen
class BusinessChange(Value):
    """A business that differs between the scans. What one of them does not know is no change.

    Attributes:
        before: The business in the earlier scan. From a journal without ``groups`` and ``extra``; from lines of
            ``--json`` with name, code, status and city only.
        after: The same of the later scan.
    """

    before: Business
    after: Business

    @property
    def business_id(self) -> BusinessId:
        """The id."""
        return self.after.id

    @property
    def renamed(self) -> bool:
        """Whether it has another name."""
        return self._differs("name")

    @property
    def status_changed(self) -> bool:
        """Whether it has another status. Both spellings of temporarily closed are one."""
        was, now = status(self.before), status(self.after)
        return bool(was and now) and was != now

    @property
    def closed(self) -> bool:
        """Whether it closed, for good or for a time; or for good what was temporarily closed."""
        return self.status_changed and status(self.after) in _CLOSED and status(self.before) != "closed"

    @property
    def reopened(self) -> bool:
        """Whether it is open and was closed, for good or for a time."""
        return self.status_changed and status(self.after) == "open" and status(self.before) in _CLOSED

    @property
    def moved(self) -> bool:
        """Whether its address, zipcode, city or country is another one."""
        return any(self._differs(part) for part in _PLACE)

    def _differs(self, field: str) -> bool:
        was, now = getattr(self.before, field), getattr(self.after, field)
        # A source that does not keep a field has None; the API also sends an empty text for what is not known.
        return bool(was and now) and was != now

    def to_dict(self) -> dict[str, Any]:
        """Return the change as JSON values: what differs, and of each side the fields that a change may be in."""
        return {
            "business_id": self.business_id,
            "renamed": self.renamed,
            "closed": self.closed,
            "reopened": self.reopened,
            "status_changed": self.status_changed,
            "moved": self.moved,
            "before": {name: getattr(self.before, name) for name in _SHOWN},
            "after": {name: getattr(self.after, name) for name in _SHOWN},
        }


def status(business: Business) -> str | None:
    """Return the status; one word for both spellings of temporarily closed."""
    return _SPELLINGS.get(business.status or "", business.status)


def differences(change: BusinessChange, quoted: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Yield in words what changed, and from what; texts of the server in quotes."""
    if change.renamed:
        yield "renamed", f"was {quoted(change.before.name or '')}"
    if change.status_changed:
        was, now = (status(side) or "" for side in (change.before, change.after))
        if change.closed:
            yield now, f"was {quoted(was)}"
        elif change.reopened:
            yield "reopened", f"was {quoted(was)}"
        else:
            yield "status", f"from {quoted(was)} to {quoted(now)}"
    if change.moved:
        yield "moved", f"from {quoted(place(change.before))} to {quoted(place(change.after))}"


def place(business: Business) -> str:
    """Return where it is, as far as that is known."""
    return ", ".join(filter(None, (getattr(business, part) for part in _PLACE)))


@define
class BusinessFindings:
    """Takes the businesses of both scans, ordered by id, and keeps what changed."""

    changes: list[BusinessChange] = Factory(list)
    _earlier: bool = False  # the earlier scan has any
    _later: bool = False

    async def add(self, before: AsyncIterator[Business], after: AsyncIterator[Business]) -> None:
        """Compare the businesses that both have."""
        was, now = await anext(before, None), await anext(after, None)
        self._earlier, self._later = was is not None, now is not None
        # What only one side has joined or left its groups, which the groups tell.
        while was is not None or now is not None:
            if was is None or (now is not None and now.id < was.id):
                now = await anext(after, None)
            elif now is None or was.id < now.id:
                was = await anext(before, None)
            else:
                change = BusinessChange(was, now)
                if change.renamed or change.status_changed or change.moved:
                    self.changes.append(change)
                was, now = await anext(before, None), await anext(after, None)

    @property
    def notes(self) -> tuple[str, ...]:
        """That only one of the scans was asked for its businesses, if so."""
        if self._earlier == self._later:
            return ()
        side = "later" if self._later else "earlier"
        return (
            f"only the {side} scan has names of businesses (businesses=True, --with-businesses):"
            " their names, statuses and addresses were not compared",
        )
