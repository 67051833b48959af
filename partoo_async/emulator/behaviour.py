"""What the documentation leaves open, as options: the emulator can behave either way."""

# A client must not rely on a guess. Each open question that a client can notice is a field here, but for the commonest
# ones, which are arguments of Emulator: unknown_status, error_key, window, retry_after.

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
    """How an ``Emulator`` behaves where the documentation is silent. The defaults are the likeliest.

    Attributes:
        list_groups: Whether the sections of a list include their groups.
        list_max_page: Whether a page of sections has ``page``, ``max_page`` and ``count``.
        list_per_page: Whether a list of sections takes ``per_page``. If not, it is ignored.
        page_past_end: A page after the last is "empty", the "last" again, or "refused" like an unknown id.
        business_order: A group's ids are "as_given", "sorted", or "shuffled" in each response.
        repeated_ids: Whether a group keeps an id as often as it was sent, instead of once.
        closed_in_groups: Whether a group's ids include permanently closed businesses.
        scoped_groups: Whether a group's ids are only those that the key may see.
        search_closed: Whether a search without ``status`` also finds businesses that are not open.
        search_order: Without ``order_by``, the order of a search is "stable", or "shuffled" in each response, so that
            its pages shift while they are read.
        search_shifts: Whether a business goes or comes back between two pages of a search: those behind it move, and
            ``count`` changes.
        status_spelling: How a search takes, and businesses show, the status of a temporary closure:
            "temporarily_closed" or "closed_temporarily". "both": either is taken, and the first shown.
        business_groups: Whether a business lists its groups. "open": only one that is open.
        delete_section: Deletes its groups ("cascade"), or is "refused" with a 403 if it has any.
        partial_update: A field left out of a group's update is "refused", or "kept". "filled": a name is kept, and
            businesses left out become every business.
        unique_names: Group names are unique in their "section" or "organization", section names in the organization.
            "none": neither.
        max_name_length: The most characters of a name. None: no limit.
        duplicate_status: The status for a name that is taken.
        expired_key: The status for an expired key.
        refused_ip: The status for a key used from an address off its whitelist.
        restricted_key: The status for a key without the permission to write.
        problem_details: Whether the object in a 400 says which field is wrong and why, or is empty.
        quota_body: The body of a 429 is "json", the "html" of a gateway, or "empty".

    Raises:
        ConfigurationError: For any other value.
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
    search_order: Literal["stable", "shuffled"] = _one_of("stable", "shuffled")
    search_shifts: bool = _one_of(False, True)
    status_spelling: Literal["both", "temporarily_closed", "closed_temporarily"] = _one_of(
        "both", "temporarily_closed", "closed_temporarily"
    )
    business_groups: bool | Literal["open"] = _one_of(True, False, "open")
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
