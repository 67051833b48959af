"""The operations on businesses: the arguments checked, and brought into the API's words."""

# Source: the pages "Search for businesses" and "Get business" of the API's documentation.

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote, unquote

from partoo_async._internal.checks import check_count, check_id, check_number, check_text
from partoo_async._protocol import routes
from partoo_async._protocol.decoding import Decoder  # noqa: TC001 - whoever asks for the type hints gets them
from partoo_async._protocol.http import Request  # noqa: TC001 - as above
from partoo_async._protocol.operations import Operation, read_model
from partoo_async._protocol.paths import encode_params
from partoo_async._protocol.statuses import FOREIGN
from partoo_async.errors import ConfigurationError
from partoo_async.models import Business, BusinessPage

__all__ = [
    "business_place",
    "can_be_listed",
    "check_business_texts",
    "check_group_ids",
    "get_business",
    "search_businesses",
    "search_query",
    "status_forms",
    "url_parts",
]

_MOST_PER_PAGE = 100
# Characters of a list in a URL. A request's line of 8 kB, which servers take at least, has room for two of them. The
# usual hundred ids have 2,500, and as many UUIDs 3,700.
_LONGEST_LIST = 3750
_OTHER_STATUSES = ("open", "closed", "opening_soon")
# Two spellings of one status are documented. The newest page has the first one.
_TEMPORARILY_CLOSED = ("closed_temporarily", "temporarily_closed")


def check_business_texts(name: str, value: object) -> tuple[str, ...]:
    """Return several texts, such as ids, each once."""
    # A string is an iterable of strings, and never what was meant.
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise ConfigurationError(f"{name}: expected an iterable of strings, not {type(value).__name__}")
    return tuple(dict.fromkeys(_listable(name, item) for item in value))


def check_group_ids(value: Any) -> tuple[int, ...]:
    """Return one id of a group, or several, each once; maybe none."""
    values = value if isinstance(value, Iterable) and not isinstance(value, (str, bytes)) else [value]
    return tuple(dict.fromkeys(check_id("groups", item) for item in values))


def _listable(name: str, value: object) -> str:
    text = check_text(name, value)
    if not can_be_listed(text):
        raise ConfigurationError(f"{name}: expected non-empty strings without ','", invalid_value=True)
    return text


def can_be_listed(text: str) -> bool:
    """Return whether a text can be one of several in a parameter."""
    return text != "" and "," not in text  # a comma would make two of it


def url_parts(texts: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Yield the texts in their order, as many at once as a page has and a URL takes."""
    part: list[str] = []
    length = 0
    for text in texts:
        size = len(quote(text, safe="")) + 1
        if part and (len(part) == _MOST_PER_PAGE or length + size > _LONGEST_LIST):
            yield tuple(part)
            part, length = [], 0
        part.append(text)
        length += size
    if part:
        yield tuple(part)


def status_forms(value: object) -> list[tuple[str, ...]]:
    """Return what may be sent for statuses: the first is to be tried first. None: every status.

    An empty list of statuses has one form, which is empty.
    """
    # Without any, the server shows open businesses only: documented for the statistics of a search.
    wanted = (*_OTHER_STATUSES, *_TEMPORARILY_CLOSED) if value is None else _statuses(value)
    others = tuple(status for status in wanted if status not in _TEMPORARILY_CLOSED)
    if len(others) == len(wanted):
        return [others]
    return [(*others, *_TEMPORARILY_CLOSED), *((*others, spelling) for spelling in _TEMPORARILY_CLOSED)]


def _statuses(value: object) -> tuple[str, ...]:
    return (_listable("status", value),) if isinstance(value, str) else check_business_texts("status", value)


def get_business(business_id: object, code: object) -> Operation[Business]:
    """Get a business by its id or, if that is None, by its store code."""
    place, expected = business_place(business_id, code)
    read = partial(_read_by_code, expected) if business_id is None else partial(read_model, Business, expected)
    return Operation(routes.GET_BUSINESS.request(place), read, True, True)


def _read_by_code(code: str, decoder: Decoder, body: bytes, request: Request) -> Business:
    value = decoder.decode(body, Business, request)
    # Whether the server compares codes in any case is not documented.
    if value.code is not None and value.code.casefold() != code.casefold():
        raise FOREIGN.make(("expected the code that was asked for @ $.code",), route=request.route, foreign=True)
    return value


def search_businesses(
    *,
    page: object,
    per_page: object,
    status: tuple[str, ...],
    ids: tuple[str, ...] | None = None,
    groups: tuple[int, ...] | None = None,
    codes: tuple[str, ...] | None = None,
    modified_since: object = None,
    org_id: object = None,
    **texts: object,
) -> Operation[BusinessPage]:
    """Get one page of businesses. Lists are checked already, and not empty; ``texts``: see ``search_query``."""
    query = search_query(
        page=page,
        per_page=per_page,
        ids=ids,
        groups=groups,
        status=status,
        codes=codes,
        modified_since=modified_since,
        org_id=org_id,
        **texts,
    )
    request = routes.SEARCH_BUSINESSES.request(query=query)
    return Operation(request, partial(read_model, BusinessPage, None), True, True)


def search_query(
    *,
    page: object,
    per_page: object,
    ids: tuple[str, ...] | None,
    groups: tuple[int, ...] | None,
    status: tuple[str, ...],
    codes: tuple[str, ...] | None,
    modified_since: object,
    org_id: object,
    **texts: object,
) -> str:
    """Return the query of a search, with its question mark. ``texts``: parameters by the API's names."""
    size = check_count("per_page", per_page, least=1, data=True)
    if size > _MOST_PER_PAGE:
        raise ConfigurationError(f"per_page: expected at most {_MOST_PER_PAGE}, not {size}", invalid_value=True)
    return encode_params(
        {
            "page": check_count("page", page, least=1, data=True),
            "per_page": size,
            "business__in": ids,
            "groups": groups,
            "status": status,
            **{name: None if text is None else check_text(name, text) for name, text in texts.items()},
            # A filter by several codes is documented, but its name could not be seen. A server that does not know it
            # would find every business, so the name of the filter by one code is used: the worst is to find none.
            "code": codes,
            "modified__gte": _seconds(modified_since),
            "org_id": None if org_id is None else check_id("org_id", org_id),
        }
    )


def _seconds(moment: object) -> object:
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ConfigurationError("modified_since: expected a time with a time zone, or seconds since 1970")
        moment = moment.timestamp()
    if moment is None:
        return None
    seconds = check_number("modified_since", moment)
    return int(seconds) if seconds.is_integer() else seconds


def business_place(business_id: object, code: object) -> tuple[str, str]:
    """Return what stands for a business in a path, escaped, and the id, or the code if that is given instead."""
    if (business_id is None) == (code is None):
        raise ConfigurationError("business_id: expected either an id, or code=")
    name = "code" if business_id is None else "business_id"
    text = check_text(name, code if business_id is None else business_id)
    if not text:
        raise ConfigurationError(f"{name}: expected a non-empty string", unknown_id=True)
    plain = text
    # A gateway and a server behind it unescape twice, and some fold what then looks like a path: see ``check_path``.
    while (shorter := unquote(plain)) != plain:
        plain = shorter
    if {".", ".."} & set(re.split(r"[/\\;]", plain)):
        raise ConfigurationError(f"{name}: '.' and '..' would be another path", unknown_id=True)
    if business_id is None:
        return "c-" + quote(text, safe=""), text
    if text == "search" or text.startswith("c-"):
        problem = "the API reads this as something else; a store code is given as code="
        raise ConfigurationError(f"business_id: {problem}", unknown_id=True)
    return quote(text, safe=""), text
