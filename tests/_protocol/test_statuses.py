"""The one table of failures: what it says of each, that docs/errors.md shows it, and that nothing else decides."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from partoo_async import InternalServerError, PartooClient
from partoo_async._call.retrying import server_failed, worth_retrying
from partoo_async._protocol import statuses
from partoo_async._protocol.statuses import STATUSES, Rule, rule_of
from partoo_async.cli.exit_codes import exit_code
from partoo_async.errors import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    PartooError,
    QuotaExceededError,
    RateLimitError,
)
from tests.support.common import FAST
from tests.support.each import each

if TYPE_CHECKING:
    from partoo_async.emulator import Emulator

ROOT = Path(__file__).parents[2]

TABLE: dict[str, Rule[Any]] = {
    **{str(status): rule for status, rule in STATUSES.items()},
    "other 5xx": statuses.OTHER_5XX,
    "other status": statuses.OTHER_STATUS,
    "bad argument, key or server": statuses.CONFIGURATION,
    "client closed": statuses.CLOSED,
    "no room in the quota": statuses.QUOTA,
    "`timeout` over": statuses.DEADLINE,
    "no connection: refused, DNS, failing proxy": statuses.UNSENT,
    "no connection in time": statuses.CONNECT_TIMEOUT,
    "TLS": statuses.TLS,
    "proxy refuses": statuses.PROXY_REFUSED,
    "connection cut": statuses.CUT,
    "`attempt_timeout` over": statuses.ATTEMPT_TIMEOUT,
    "response is no HTTP": statuses.MALFORMED,
    "body is no JSON, or cannot be decompressed": statuses.UNREADABLE,
    "body of another group or section": statuses.FOREIGN,
    "body too large, or of another shape; response to a write cut off": statuses.UNUSABLE,
    "a change to a group's businesses got lost twice": statuses.LOST_UPDATE,
}


def made(rule: Rule[Any], status: int = 200) -> PartooError:
    """An error of the rule, with the arguments that its class needs."""
    if issubclass(rule.error, APIStatusError):
        return rule.make(status)
    if issubclass(rule.error, APIConnectionError):
        return rule.make("cut", rule.retried != "all")
    if issubclass(rule.error, APIResponseValidationError):
        return rule.make(("cut",))
    return rule.make("no", 3.0) if issubclass(rule.error, QuotaExceededError) else rule.make("no")


def row(rule: Rule[Any]) -> list[str]:
    """The cells of a rule's row in docs/errors.md, the first one left out."""
    if rule.retried == "none":
        most = "-"
    elif rule.max_retries is not None:
        most = str(rule.max_retries)
    else:
        most = "`timeout`" if rule.error is RateLimitError else "`max_retries`"
    return [
        f"`{rule.error.__name__}`",
        "yes" if rule.transient else "no",
        rule.retried,
        most,
        "yes" if rule.outage else "no",
        str(rule.exit_code),
    ]


def test_the_page_shows_the_table() -> None:
    """docs/errors.md has a row for each rule, in their order, and says what the rule says."""
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8").partition("| failure |")[2]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines()[2:]]
    shown = {cells[0]: cells[1:] for cells in rows[: len(TABLE)]}
    assert shown == {name: row(rule) for name, rule in TABLE.items()}
    assert list(shown) == list(TABLE)


def test_no_rule_is_left_out() -> None:
    """Every named rule has its row."""
    named = {name for name, rule in vars(statuses).items() if isinstance(rule, Rule) and not name.startswith("_")}
    assert named == {name for name in named if getattr(statuses, name) in [*TABLE.values()]}
    assert len(TABLE) == len(STATUSES) + len(named)


@each("name", TABLE)
def test_errors_carry_their_rule(name: str) -> None:
    """What a rule says is set when its error is made, and the rest is found by the error."""
    rule = TABLE[name]
    error = made(rule, {"other 5xx": 502, "other status": 418}.get(name) or (int(name) if name.isdigit() else 0))
    assert type(error) is rule.error
    assert (error.transient, error.max_retries) == (rule.transient, rule.max_retries)
    assert worth_retrying(error, idempotent=True) is (rule.retried != "none")
    assert worth_retrying(error, idempotent=False) is (rule.retried == "all")
    assert server_failed(error) is rule.outage
    assert exit_code(error) == rule.exit_code


async def test_one_row_decides_how_a_503_is_retried(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of its own makes a 503 be retried once at most, after a write too, and end a command with 3."""
    monkeypatch.setitem(STATUSES, 503, Rule(InternalServerError, "all", max_retries=1, exit_code=3))
    emulator.faults.add("status", status=503)
    async with PartooClient(emulator.api_key, server=emulator.server, retry=FAST) as client:
        with pytest.raises(InternalServerError) as caught:
            await client.sections.update(7, name="France")
    assert [attempt.outcome for attempt in caught.value.attempts] == ["503", "503"]
    assert not server_failed(caught.value)
    assert exit_code(caught.value) == 3


def test_a_subclass_has_the_rule_of_its_base() -> None:
    """An error of a kind that the table does not know is retried if it says that it is transient."""

    class OddError(PartooError):
        """Made by a test double."""

    assert rule_of(OddError("x")).retried == "reads"
    assert not worth_retrying(OddError("x"), idempotent=True)
    assert worth_retrying(OddError("x", transient=True), idempotent=True)


def test_rules_are_set_when_an_error_is_made() -> None:
    """No line of the package changes what the table has said of an error."""
    late = []
    rules = "transient|max_retries|foreign|unknown_id|invalid_value"
    for path in (ROOT / "partoo_async").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                owner = node.value.id if isinstance(node.value, ast.Name) else ""
                if re.fullmatch(rules, node.attr) and owner != "self":
                    late.append(f"{path.name}:{node.lineno} {owner}.{node.attr}")
    assert not late
