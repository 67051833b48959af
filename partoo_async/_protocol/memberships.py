"""Pages of businesses that say whether the server told the groups of each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from attrs import frozen

from partoo_async._protocol.json import decode_json
from partoo_async._protocol.operations import Operation
from partoo_async.models import BusinessPage

if TYPE_CHECKING:
    from collections.abc import Callable

    from partoo_async._protocol.decoding import Decoder
    from partoo_async._protocol.http import Request

__all__ = ["MembershipPage", "with_memberships"]


@frozen
class MembershipPage(BusinessPage):
    """A page of businesses. ``groups_sent``: each of them came with its list of groups, maybe an empty one."""

    groups_sent: bool = True


def with_memberships(search: Operation[BusinessPage]) -> Operation[MembershipPage]:
    """Return a search with such a page as its result."""
    return Operation(search.request, partial(_read, search.read), idempotent=True)


def _read(
    read: Callable[[Decoder, bytes, Request], BusinessPage], decoder: Decoder, body: bytes, request: Request
) -> MembershipPage:
    page = read(decoder, body, request)
    # A Business without groups and one whose groups were not sent are the same, and no drift.
    sent = all(business.get("groups") is not None for business in decode_json(body)["businesses"])
    return MembershipPage(page.businesses, page.page, page.max_page, page.count, sent)
