"""What the documentation leaves open, as switches: the emulator can play either side of each.

A client must not come to rely on a guess. So each open question that a client can notice has a field here, besides
the arguments of ``Emulator`` for the commonest ones: ``unknown_status``, ``error_key``, ``window``, ``retry_after``.
"""

from __future__ import annotations

from typing import Any, Literal

from attrs import field, frozen
from attrs.validators import optional

from partoo_async._internal.checks import check_choice, check_count, valid
from partoo_async._internal.reprs import total_repr

__all__ = ["Behaviour"]


def _one_of(*choices: object) -> Any:
    """Return a field that takes these values, the first of them by default."""
    return field(default=choices[0], validator=valid(check_choice, choices))


@total_repr
@frozen(kw_only=True)
class Behaviour:
    """How an ``Emulator`` answers where the documentation is silent; each default is the likeliest reading.

    Reading:

    - ``list_groups``: whether the sections of a list hold their groups, as a section read by its id does.
    - ``list_max_page``: whether a page of sections says ``page``, ``max_page`` and ``count``.
    - ``list_per_page``: whether a list of sections takes ``per_page``; if not, it is ignored.
    - ``page_past_end``: a page after the last one is "empty", the "last" page again, or "refused" like an unknown id.
    - ``business_order``: the ids of a group are sent "as_given", "sorted", or "shuffled" anew in every answer.
    - ``repeated_ids``: whether a group keeps an id as often as it was sent, instead of once.
    - ``closed_in_groups``: whether a group's ids include permanently closed businesses.
    - ``scoped_groups``: whether a group's ids are only those that the key may see.
    - ``search_closed``: whether a search without ``status`` also finds businesses that are not open.

    Writing:

    - ``delete_section``: a section with groups in it goes with them ("cascade"), or is "refused" with a 403.
    - ``partial_update``: an update of a group without one of its two fields is "refused", leaves that field as it is
      ("kept"), or puts in every business as creating a group does ("filled"; a name left out is kept).
    - ``unique_names``: group names are unique in their "section", in the whole "organization", or not at all ("none").
      The names of sections are unique in the organization, but for "none".
    - ``max_name_length``: the most characters of a name, or None for no limit.
    - ``duplicate_status``: a name that is taken is a 400 or a 409.

    Refusals:

    - ``expired_key``, ``refused_ip``, ``restricted_key``: 401 or 403 for a key that has expired, that is used from an
      address off its whitelist, or that lacks the permission to write.
    - ``problem_details``: whether the object in a 400 names the field and what is wrong with it, or is empty.
    - ``quota_body``: the body of a 429 is "json", the "html" of a gateway, or "empty".

    Raises ``ConfigurationError`` for any other value.
    """

    list_groups: bool = _one_of(True, False)
    list_max_page: bool = _one_of(True, False)
    list_per_page: bool = _one_of(True, False)
    page_past_end: Literal["empty", "last", "refused"] = _one_of("empty", "last", "refused")
    business_order: Literal["as_given", "sorted", "shuffled"] = _one_of("as_given", "sorted", "shuffled")
    repeated_ids: bool = _one_of(False, True)
    closed_in_groups: bool = _one_of(True, False)
    scoped_groups: bool = _one_of(False, True)
    search_closed: bool = _one_of(False, True)
    delete_section: Literal["cascade", "refused"] = _one_of("cascade", "refused")
    partial_update: Literal["refused", "kept", "filled"] = _one_of("refused", "kept", "filled")
    unique_names: Literal["section", "organization", "none"] = _one_of("section", "organization", "none")
    max_name_length: int | None = field(default=None, validator=optional(valid(check_count, least=1)))
    duplicate_status: Literal[400, 409] = _one_of(400, 409)
    expired_key: Literal[401, 403] = _one_of(401, 403)
    refused_ip: Literal[401, 403] = _one_of(403, 401)
    restricted_key: Literal[401, 403] = _one_of(403, 401)
    problem_details: bool = _one_of(True, False)
    quota_body: Literal["json", "html", "empty"] = _one_of("json", "html", "empty")
