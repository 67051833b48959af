"""One pure function for each API operation: what to send, and how to read the response."""

# Source: "Groups and Sections" of the API's documentation. What that leaves open is said at its line. The operations
# on businesses are in ``business_query``.

from __future__ import annotations

from collections.abc import Callable, Mapping  # noqa: TC003 - whoever asks for the type hints gets them
from functools import partial
from hashlib import blake2b
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from partoo_async._internal.checks import (
    ID_LIMIT,
    check_business_ids,
    check_count,
    check_flag,
    check_id,
    check_name,
    check_text,
)
from partoo_async._internal.values import Slotted
from partoo_async._internal.version import get_version
from partoo_async._protocol import routes
from partoo_async._protocol.decoding import Decoder  # noqa: TC001 - as above
from partoo_async._protocol.http import Request
from partoo_async._protocol.json import InvalidJSONError, decode_exactly, decode_json, encode_json
from partoo_async._protocol.paths import check_path, encode_params
from partoo_async._protocol.statuses import FOREIGN, UNUSABLE
from partoo_async.errors import ConfigurationError
from partoo_async.models import Group, Section, SectionPage

__all__ = [
    "MarkedSection",
    "Operation",
    "as_it_came",
    "create_group",
    "create_section",
    "custom",
    "delete_group",
    "delete_section",
    "get_group",
    "get_marked_section",
    "get_section",
    "list_sections",
    "read_model",
    "update_group",
    "update_section",
]

T = TypeVar("T")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Operation(Slotted, Generic[T]):
    """An operation ready to be sent.

    Args:
        request: What to send.
        read: Makes the result of the body of a 2xx.
        idempotent: It may be sent again after it may have been processed.
        shareable: A read with a frozen result: callers may get the same object.
        whole: The result is the body, of a write or with ``as_it_came``: one that was cut off is an error.
    """

    __slots__ = ("idempotent", "read", "request", "shareable", "whole")

    def __init__(
        self,
        request: Request,
        read: Callable[[Decoder, bytes, Request], T],
        idempotent: bool,
        shareable: bool = False,
        whole: bool = False,
    ) -> None:
        self.request: Request = request
        self.read: Callable[[Decoder, bytes, Request], T] = read
        self.idempotent: bool = idempotent
        self.shareable: bool = shareable
        self.whole: bool = whole

    @property
    def model(self) -> type[T] | None:
        """The class that the body is read as, if that is all of it."""
        read: Any = self.read
        return read.args[0] if isinstance(read, partial) and read.func in (read_model, _read_marked) else None


class MarkedSection(NamedTuple):
    """A section that was read, and a mark of its body that no other body has."""

    section: Section | None  # None: the mark was known
    mark: str  # "": it has none


def read_model(cls: type[T], expected: int | str | None, decoder: Decoder, body: bytes, request: Request) -> T:
    """Read a model, which has this id unless that is None."""
    value = decoder.decode(body, cls, request)
    if expected is not None and value.id != expected:  # type: ignore[attr-defined]  # each model that is read by id has one
        raise _foreign(expected, request)
    return value


def _read_marked(
    cls: type[Section], expected: int, known: str | None, decoder: Decoder, body: bytes, request: Request
) -> MarkedSection:
    mark = ""
    if known is not None and not decoder.in_slices:
        # Each version may read a body in another way.
        mark = blake2b(body, digest_size=16, key=get_version().encode()[:64]).hexdigest()
        if mark == known:
            return MarkedSection(None, mark)
    section = decoder.decode_plainly(body, cls, request)
    if section.id != expected:
        raise _foreign(expected, request)
    # A model differs from the documentation, which each run counts.
    return MarkedSection(section, "" if isinstance(section, cls) else mark)


def _foreign(expected: int | str, request: Request) -> Exception:
    # The businesses of another group under this id would be worse than any error. One retry, on another connection:
    # this one may be off by one response.
    return FOREIGN.make((f"expected id {expected} @ $.id",), route=request.route, foreign=True)


def _read_id(known: int | None, _: Decoder, body: bytes, request: Request) -> int:
    # A response to an update may not repeat the id.
    try:
        data = decode_json(body)
    except ValueError:
        data = None
    value = data.get("id") if isinstance(data, dict) else None
    if type(value) is int and 0 <= value < ID_LIMIT:
        return value
    if known is not None:
        return known
    raise UNUSABLE.make(("the write was accepted, but: expected int @ $.id",), route=request.route)


def _read_nothing(_: Decoder, __: bytes, ___: Request) -> None:
    # Any 2xx is success for a write, whatever its body: that of "Delete group" is not documented.
    return None


def get_group(section_id: object, group_id: object) -> Operation[Group]:
    """Get a group with its businesses."""
    section, group = check_id("section_id", section_id), check_id("group_id", group_id)
    return Operation(routes.GET_GROUP.request(section, group), partial(read_model, Group, group), True, True)


def create_group(section_id: object, *, name: object, business_ids: object) -> Operation[int]:
    """Create a group. The result is its id."""
    section = check_id("section_id", section_id)
    request = routes.CREATE_GROUP.request(section, body=_group_body(name, business_ids))
    return Operation(request, partial(_read_id, None), False)


def update_group(
    section_id: object, group_id: object, *, name: object, business_ids: object, as_read: bool = False
) -> Operation[int]:
    """Replace the name of a group and its whole list of businesses. The result is its id."""
    # Not on a documentation page that could be seen. Method, path and body are those of a client in production.
    section, group = check_id("section_id", section_id), check_id("group_id", group_id)
    # What the server has goes back as it came: a name that the documentation allows nobody is no bad argument.
    plain = encode_json({"name": name, "business__in": business_ids}) if as_read else None
    request = routes.UPDATE_GROUP.request(section, group, body=plain or _group_body(name, business_ids))
    return Operation(request, partial(_read_id, group), False)


def _group_body(name: object, business_ids: object) -> bytes:
    # ``business__in`` is always sent: without it, the server would put every business into the group.
    ids = check_business_ids("business_ids", business_ids)
    return encode_json({"name": check_name("name", name), "business__in": ids})


def delete_group(section_id: object, group_id: object) -> Operation[None]:
    """Delete a group."""
    section, group = check_id("section_id", section_id), check_id("group_id", group_id)
    return Operation(routes.DELETE_GROUP.request(section, group), _read_nothing, False)


def get_section(section_id: object) -> Operation[Section]:
    """Get one section with its groups, without their businesses."""
    section = check_id("section_id", section_id)
    return Operation(routes.GET_SECTION.request(section), partial(read_model, Section, section), True, True)


def get_marked_section(section_id: int, known: str | None) -> Operation[MarkedSection]:
    """Get a section that only has the fields of a model, and so have its groups. None if ``known`` is its body's mark.

    Args:
        section_id: Its id.
        known: A mark, "" for any body. None: it gets no mark.
    """
    read = partial(_read_marked, Section, section_id, known)
    return Operation(routes.GET_SECTION.request(section_id), read, True)


def list_sections(*, page: object, org_id: object, group_name_query: object) -> Operation[SectionPage]:
    """Get one page of sections."""
    page = check_count("page", page, least=1, data=True)
    if group_name_query is not None:
        group_name_query = check_text("group_name_query", group_name_query)
    org = None if org_id is None else check_id("org_id", org_id)
    params = {"page": page, "org_id": org, "group_name_query": group_name_query}
    given = {name: value for name, value in params.items() if value is not None}
    query = "?" + urlencode(given, quote_via=quote)
    return Operation(routes.LIST_SECTIONS.request(query=query), partial(read_model, SectionPage, None), True, True)


def create_section(*, name: object, org_id: object) -> Operation[int]:
    """Create a section. The result is its id."""
    body: dict[str, object] = {"name": check_name("name", name)}
    if org_id is not None:
        body["org_id"] = check_id("org_id", org_id)
    return Operation(routes.CREATE_SECTION.request(body=encode_json(body)), partial(_read_id, None), False)


def update_section(section_id: object, *, name: object) -> Operation[None]:
    """Rename a section."""
    section = check_id("section_id", section_id)
    body = encode_json({"name": check_name("name", name)})
    return Operation(routes.UPDATE_SECTION.request(section, body=body), _read_nothing, False)


def delete_section(section_id: object) -> Operation[None]:
    """Delete a section."""
    # No documentation page of its own was seen: inferred from the texts of other pages.
    section = check_id("section_id", section_id)
    return Operation(routes.DELETE_SECTION.request(section), _read_nothing, False)


def custom(
    method: object,
    path: object,
    *,
    params: Mapping[str, Any] | None,
    json: object,
    idempotent: bool | None,
    raw: bool = False,
) -> Operation[Any]:
    """Any other endpoint. The result is JSON; of a write it may be text, or None for an empty body."""
    check_flag("raw", raw)
    if raw:  # now, since there may be no file handle left when the response comes
        import partoo_async._protocol.raw  # noqa: F401, PLC0415 - for these alone
    verb = str(method.upper()) if isinstance(method, str) else ""
    if verb not in _METHODS:
        raise ConfigurationError(f"method: expected one of {', '.join(_METHODS)}")
    target = check_path(path)
    try:
        body = None if json is None else encode_json(json)
    except TypeError as error:
        raise ConfigurationError(f"json: {error}") from None
    reads = verb == "GET"
    safe = reads if idempotent is None else idempotent  # a write may do something twice
    request = Request(verb, target + encode_params(params), body, routes.template_of(verb, target))
    return Operation(request, as_it_came if raw else partial(_read_json, not reads), safe, whole=raw or not reads)


def as_it_came(_: object, body: bytes, __: object) -> bytes:
    """Read nothing: ``interpret`` makes a ``RawResponse`` of an operation that reads so."""
    return body


def _read_json(is_write: bool, _: Decoder, body: bytes, request: Request) -> Any:
    if not is_write:
        return decode_exactly(body)
    text = body.strip()
    try:
        return decode_exactly(body) if text else None
    except InvalidJSONError:
        if text[:1] in (b"{", b"["):
            # JSON that begins but does not end was cut off. Nothing else tells.
            problem = "the write was accepted, but its response is not complete, valid JSON @ $"
            raise UNUSABLE.make((problem,), route=request.route) from None
        # Any 2xx is success for a write: after an error, the caller would do it twice.
        return body.decode("utf-8", "replace")
