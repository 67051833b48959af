"""API keys of the emulator, and what each of them may do."""

# Documented: a key acts with the role of its user; what a role may do is on the pages of the operations.

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

from attrs import Attribute, field, frozen

from partoo_async._internal.checks import check_choice, check_count, check_flag, valid
from partoo_async._internal.reprs import total_repr
from partoo_async.errors import ConfigurationError

__all__ = ["ROLES", "Caller", "EmulatedKey", "Role"]

Role: TypeAlias = Literal["provider", "org_admin", "org_manager", "group_manager", "business_manager", "publisher"]

# Documented today, custom roles aside.
ROLES = ("provider", "org_admin", "org_manager", "group_manager", "business_manager", "publisher")

# Documented for renaming a section and deleting a group: group managers and above. Assumed for the other writes.
_WRITERS = frozenset({"provider", "org_admin", "org_manager", "group_manager"})
# Documented for GET /business/{business_id}: the roles that may use a store code instead of an id.
_BY_CODE = frozenset({"org_admin", "group_manager", "business_manager"})


def _networks(values: object) -> tuple[str, ...]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ConfigurationError(f"ip_whitelist: expected several addresses or networks, not {type(values).__name__}")
    found = tuple(values)
    for value in found:
        try:
            ipaddress.ip_network(value, strict=False)
        except ValueError:
            raise ConfigurationError(
                f"ip_whitelist: expected addresses or networks such as '203.0.113.0/24', not {value!r}"
            ) from None
    return found


def _accesses(values: Any) -> tuple[tuple[int, ...], ...] | None:
    if values is None:
        return None
    try:
        found = tuple(tuple(check_count("accesses", number, least=0) for number in access) for access in values)
    except TypeError:
        raise ConfigurationError("accesses: expected lists of group ids such as [[1, 2], [1, 3]]") from None
    if not all(found):
        raise ConfigurationError("accesses: expected at least one group id in each; leave an empty access out")
    return found


@total_repr
@frozen
class EmulatedKey:
    """What an API key of the emulator may do.

    Attributes:
        role: Its user's role. Business managers and publishers may not write; a provider reaches every organization.
        org_id: The user's organization.
        read_only: Whether it lacks the permission to write.
        expired: Whether its date has passed.
        ip_whitelist: The addresses and networks it may be used from. Empty: all.
        accesses: Lists of group ids: a group manager sees the businesses that fit one list. A business fits if it is in
            a group of each section that the list names. None: all.

    Raises:
        ConfigurationError: For any other value.
    """

    role: Role = field(default="org_admin", validator=valid(check_choice, ROLES))
    org_id: int = field(default=1, kw_only=True, validator=valid(check_count, least=0))
    read_only: bool = field(default=False, kw_only=True, validator=valid(check_flag))
    expired: bool = field(default=False, kw_only=True, validator=valid(check_flag))
    ip_whitelist: tuple[str, ...] = field(default=(), kw_only=True, converter=_networks)
    accesses: tuple[tuple[int, ...], ...] | None = field(default=None, kw_only=True, converter=_accesses)

    @accesses.validator
    def _check_accesses(self, _: Attribute[object], value: object) -> None:
        if value is not None and self.role != "group_manager":
            raise ConfigurationError(f"accesses: expected with role='group_manager' only, not with {self.role!r}")


@frozen
class Caller:
    """Who sent a request."""

    id: str  # "key-1" and on, never the key itself
    key: EmulatedKey = EmulatedKey()

    @property
    def role_writes(self) -> bool:
        """Whether the role may write."""
        return self.key.role in _WRITERS

    @property
    def may_write(self) -> bool:
        """Whether this key may write."""
        return self.role_writes and not self.key.read_only

    @property
    def by_code(self) -> bool:
        """Whether this key may get a business by its store code."""
        return self.key.role in _BY_CODE

    def comes_from(self, address: str | None) -> bool:
        """Whether the key may be used from this address."""
        if not self.key.ip_whitelist:
            return True
        try:
            # A dual-stack socket reports 127.0.0.1 as ::ffff:127.0.0.1.
            found = ipaddress.ip_address(address or "")
            found = getattr(found, "ipv4_mapped", None) or found
        except ValueError:
            return False
        return any(found in ipaddress.ip_network(network, strict=False) for network in self.key.ip_whitelist)

    def reaches(self, org_id: int) -> bool:
        """Whether this key sees that organization."""
        return self.key.role == "provider" or org_id == self.key.org_id

    def organization(self, org_id: int | None) -> int:
        """Return the organization that a request is about."""
        # Documented: only a provider may name another organization. Others get their own, without an error.
        return self.key.org_id if org_id is None or not self.reaches(org_id) else org_id
