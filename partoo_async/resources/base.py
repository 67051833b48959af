"""What resources share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partoo_async._internal.reprs import total_repr

if TYPE_CHECKING:
    from partoo_async.session import PartooSession

__all__ = ["Resource"]


@total_repr
class Resource:
    """Operations on one kind of object."""

    def __init__(self, session: PartooSession) -> None:
        self._session = session

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._session!r}>"
