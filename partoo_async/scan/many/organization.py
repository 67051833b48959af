"""An organization to scan, and the checks of several."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from attrs import field, frozen

from partoo_async._internal.checks import check_text
from partoo_async._internal.reprs import total_repr
from partoo_async._internal.secret import Secret, protect, resolve_api_key
from partoo_async.errors import ConfigurationError
from partoo_async.scan.scope import Scope

__all__ = ["Key", "Organization", "check_organizations"]

_LEAST_KEY = 16

Key = Secret | Callable[[], Awaitable[str]]


@total_repr
@frozen(init=False)
class Organization:
    """An organization for ``scan_many``, which checks its values and says by its name what is wrong with them.

    Attributes:
        api_key: Its key, which nothing shows, or an async callable that returns it.
        sections: An id, or several. None: all sections.
        org_id: Another organization than that of the key, for keys of the PROVIDER role. Goes with all sections.
    """

    # What is no key is kept as the error that says so.
    api_key: Key | ConfigurationError = field(repr=lambda _: "***")
    sections: int | str | tuple[int | str, ...] | None = None
    org_id: int | str | None = None

    def __init__(
        self,
        api_key: str | Callable[[], Awaitable[str]],
        sections: int | str | Iterable[int | str] | None = None,
        org_id: int | str | None = None,
    ) -> None:
        # First of all: no frame of a later error may hold the key. None is not the key of the environment here.
        given: Any = api_key
        api_key = given = protect("" if given is None else given)
        if isinstance(sections, Iterable) and not isinstance(sections, str):
            sections = tuple(sections)
        self.__attrs_init__(given, sections, org_id)

    def scope(self) -> Scope:
        """Return what to scan of it. Raises ``ConfigurationError``."""
        if self.sections is None:
            return Scope.of_organization(self.org_id)
        if self.org_id is not None:
            raise ConfigurationError("org_id: goes with all sections of an organization; leave it or sections out")
        return Scope.of_sections(self.sections, None)


def check_organizations(organizations: Any) -> dict[str, tuple[Key, Scope]]:
    """Return key and scope of each organization. Raises ``ConfigurationError`` for the first bad one."""
    if not isinstance(organizations, Mapping):
        came = type(organizations).__name__
        raise ConfigurationError(f"organizations: expected a mapping of names to Organization, not {came}")
    if not organizations:
        raise ConfigurationError("organizations: expected at least one")
    checked: dict[str, tuple[Key, Scope]] = {}
    for number, (name, organization) in enumerate(organizations.items(), start=1):
        if not isinstance(name, str) or not check_text("organizations", name).strip():
            raise ConfigurationError(f"organizations: expected a name that is not empty for number {number}")
        checked[name] = _checked(name, organization)
    _refuse_keys_as_names(checked)
    return checked


def _checked(name: str, organization: object) -> tuple[Key, Scope]:
    came = type(organization).__name__
    try:
        if not isinstance(organization, Organization):
            raise ConfigurationError(f"expected an Organization, not {came}")
        return resolve_api_key(organization.api_key), organization.scope()
    except ConfigurationError as error:
        problem = f"organizations[{name!r}]: {error}".replace("; pass api_key= or set PARTOO_API_KEY", "")
    raise ConfigurationError(problem)


def _refuse_keys_as_names(checked: Mapping[str, tuple[Key, Scope]]) -> None:
    # Names are shown, and are those of files. Short keys are those of tests, which may do so.
    keys = {key.fingerprint for key, _ in checked.values() if isinstance(key, Secret)}
    for number, name in enumerate(checked, start=1):
        key = protect(name) if len(name) >= _LEAST_KEY else None
        if isinstance(key, Secret) and key.fingerprint in keys:
            raise ConfigurationError(f"organizations: the name of number {number} is an API key; give it another")
