"""How many failures a scan tolerates, and which it keeps for the report of an early end."""

from __future__ import annotations

from decimal import Decimal

from attrs import define, field

from partoo_async._internal.checks import as_int, check_count
from partoo_async._internal.reprs import total_repr
from partoo_async.errors import ConfigurationError
from partoo_async.scan.outcomes import ScanItem

__all__ = ["Failures"]

# Without a bound: enough for the report of a scan that ends early. Memory must not grow with the groups.
_KEPT = 100


@total_repr
@define
class Failures:
    """Counts failed outcomes against ``tolerated``: a count, a fraction of all outcomes as a float, None for no bound.

    Raises ``ConfigurationError`` for any other bound.
    """

    tolerated: int | float | None = field(converter=as_int)
    count: int = 0
    kept: list[ScanItem] = field(factory=list)
    _limit: float = float("inf")

    def __attrs_post_init__(self) -> None:
        if isinstance(self.tolerated, float):
            if not 0 <= self.tolerated <= 1:
                raise ConfigurationError(
                    f"max_failures: expected a count, or a fraction from 0.0 to 1.0, not {self.tolerated!r}"
                )
        elif self.tolerated is not None:
            check_count("max_failures", self.tolerated, least=0)

    def begin(self, total: int) -> None:
        """Take the number of outcomes that are to come, of which a fraction is meant."""
        if isinstance(self.tolerated, float):
            # By its decimal digits: 0.29 * 100 is 28.999... in binary.
            self._limit = int(Decimal(repr(self.tolerated)) * total)
        elif self.tolerated is not None:
            self._limit = self.tolerated

    def add(self, item: ScanItem) -> None:
        """Count an item if it failed."""
        if item.error is None:
            return
        self.count += 1
        if len(self.kept) < (_KEPT if self.tolerated is None else self._limit + 1):
            self.kept.append(item)

    @property
    def exceeded(self) -> bool:
        """Whether there were more than are tolerated."""
        return self.count > self._limit

    def __str__(self) -> str:
        bound = f"max_failures={self.tolerated}"
        return f"{self.count} failed, and {bound} tolerates no more" + (
            f" than {int(self._limit)}" if isinstance(self.tolerated, float) else ""
        )
