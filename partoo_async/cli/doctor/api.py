"""What the response to one request for the list of sections tells: the API, the key, the clock, limits."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from attrs import frozen

from partoo_async._explain.statuses import phrase
from partoo_async._internal.describe import describe
from partoo_async._internal.text import cut
from partoo_async.cli.doctor.finding import Finding, failed, found, skipped, warning
from partoo_async.cli.exit_codes import REFUSED, UNREACHED
from partoo_async.cli.text import amount, duration, json_value, one_line
from partoo_async.errors import APIResponseValidationError, APIStatusError, PartooError

__all__ = ["Response", "judge_error", "judge_response"]

# A Date header has whole seconds, and the way takes time.
_SKEW = 5.0  # seconds


@frozen
class Response:
    """A response: header names in lower case, when it came (seconds since 1970) and after how many seconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    at: float
    took: float


def judge_error(error: PartooError, at: float, took: float) -> list[Finding]:
    """Return what an error tells in place of a response."""
    if isinstance(error, APIStatusError):
        # Its body is decoded already.
        return judge_response(Response(error.status, error.headers, json.dumps(_plain(error.body)).encode(), at, took))
    code = REFUSED if isinstance(error, APIResponseValidationError) else UNREACHED
    advice = _NOT_PARTOO if code == REFUSED else "try again; if that does not help, ask whoever runs the network"
    return [failed("http", describe(error), advice, code), *_unknown("key accepted", "sections", "clock")]


def _plain(body: object) -> Any:
    return body if isinstance(body, (dict, list, str, type(None))) else {"errors": {}}  # a documented class


_NOT_PARTOO = "look at the server's URL; a login page or a proxy may answer in place of the API"


def judge_response(response: Response) -> list[Finding]:
    """Return what a response to GET /sections tells."""
    return [*_judge_status(response), _clock(response), *_limits(response)]


def _unknown(*checks: str) -> Iterator[Finding]:
    for check in checks:
        yield skipped(check, "not known, since there was no usable response")


def _judge_status(response: Response) -> list[Finding]:
    status, body = response.status, _json(response.body)
    text, facts = f"{phrase(status)} for GET /sections in {response.took * 1000:.0f} ms", {"status": status}
    whole = found("http", text, **facts)
    if status == 429:
        wait = response.headers.get("retry-after")
        advice = "the quota of the organization is used up: wait" + (f" as told ({cut(wait, 40)} s)" if wait else "")
        return [warning("http", text, advice, **facts), *_unknown("key accepted", "sections")]
    if status == 401 and isinstance(body, dict):
        advice = "look whether it is a key of this server (those of the sandbox are others), and still valid"
        return [whole, failed("key accepted", "no: 401 Unauthorized", advice, REFUSED), *_unknown("sections")]
    if status == 403 and isinstance(body, dict):
        advice = "ask an administrator of the organization for the right, or for another key; it may be bound to an IP"
        return [whole, failed("key accepted", "it may not list sections: 403", advice, REFUSED), *_unknown("sections")]
    if status >= 500:
        advice = "the server or a gateway has a fault: try again later"
        return [failed("http", text, advice, UNREACHED, **facts), *_unknown("key accepted", "sections")]
    if not (200 <= status < 300 and isinstance(body, dict) and isinstance(body.get("sections"), list)):
        text += ", which is not what Partoo's API says"
        return [failed("http", text, _NOT_PARTOO, REFUSED, **facts), *_unknown("key accepted", "sections")]
    return [whole, found("key accepted", "yes"), _sections(body)]


def _json(body: bytes) -> object:
    try:
        return json_value(body)
    except ValueError:
        return None


def _sections(body: dict[str, Any]) -> Finding:
    count, here = body.get("count"), len(body["sections"])
    if not here:
        advice = "look whether it is the key of the right organization, and its role"
        return warning("sections", "the key sees none", advice, count=0)
    if type(count) is int and count >= here:
        return found("sections", f"the key sees {amount(count, 'section')}", count=count)
    return found("sections", f"the key sees {amount(here, 'section')} on the first page", first_page=here)


def _clock(response: Response) -> Finding:
    try:
        told = parsedate_to_datetime(response.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return skipped("clock", "the response has no usable Date header")
    skew = response.at - response.took / 2 - (told + 0.5)  # the header is cut to whole seconds
    facts = {"seconds_ahead": round(skew, 1)}
    if abs(skew) <= _SKEW:
        return found("clock", f"within {_SKEW:g} s of the server's", **facts)
    text = f"this machine is {duration(abs(skew))} {'ahead of' if skew > 0 else 'behind'} the server"
    advice = "set the clock, by NTP: a wait until a date that the server names would be off by as much"
    return warning("clock", text, advice, **facts)


def _limits(response: Response) -> Iterator[Finding]:
    told = {name: one_line(value) for name, value in response.headers.items() if "ratelimit" in name}
    if told:
        yield found("rate limit", ", ".join(f"{name}: {value}" for name, value in told.items()), **told)
