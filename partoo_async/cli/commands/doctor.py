"""``partoo doctor``: what works, what does not, and what to do about it."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from functools import partial
from typing import Any

import typer

from partoo_async import PartooClient
from partoo_async._internal.secret import Secret
from partoo_async.cli.doctor.finding import Finding, Mark, verdict
from partoo_async.cli.help import epilog, is_coloured
from partoo_async.cli.keys import find_key
from partoo_async.cli.options import ClientOptions, Json, with_options
from partoo_async.cli.output import print_json, print_text
from partoo_async.cli.process import execute
from partoo_async.cli.proxies import needs_environment
from partoo_async.cli.streams import say
from partoo_async.cli.text import amount
from partoo_async.policy import RetryPolicy
from partoo_async.servers import Server, resolve_server

__all__ = ["EPILOG", "doctor"]

EPILOG = epilog(
    ("partoo doctor", "what works, and what to do about the rest"),
    ("partoo doctor --server sandbox --json", "for programs, and another server"),
)

# Seconds. A person waits for each step.
_STEP = 10.0
_COLOURS = {Mark.OK: "green", Mark.WARNING: "yellow", Mark.FAILED: "red", Mark.SKIPPED: "bright_black"}
_INDENT = 23  # of what follows the mark and the name


@with_options
def doctor(client: ClientOptions, as_json: Json = False) -> int:
    """Check key, server, network, TLS, clock, quota and versions.

    What is not ok comes with what to do. Sends one request for the list of sections, which counts in the quota. The
    exit code is that of the first failure; no step takes longer than 10 seconds.
    """

    # Here, so that no other command imports it.
    from partoo_async.cli.doctor.checkup import Checkup  # noqa: PLC0415

    async def run() -> int:
        limit = min(_STEP, client.timeout)
        checkup = Checkup(
            server=client.server,
            quota=client.quota,
            find_key=partial(_found, client.key_file),
            environment=os.environ,
            limit=limit,
            connect=lambda key: _client(client, key, limit),
        )
        findings = []
        async for finding in checkup.findings():
            findings.append(finding)
            if as_json:
                await print_json(finding.as_object())
            elif not (client.quiet and finding.mark in (Mark.OK, Mark.SKIPPED)):
                _print(finding)
        if not as_json and not client.quiet:
            say(_summary(findings))
        return verdict(findings)

    return execute(run)


def _found(key_file: str | None, server: Server) -> tuple[Secret, str]:
    key = find_key(key_file, server)
    return key.secret, key.source


def _client(client: ClientOptions, key: Any, limit: float) -> PartooClient:
    # Not client.connect(), which looks for the key again: standard input has it once.
    server = resolve_server(client.server)
    options = {**client.session(), "timeout": limit, "retry": RetryPolicy(max_retries=0)}
    options["trust_env"] = needs_environment(server)
    return PartooClient(key, server=server, quota=client.quota, **options)


def _print(finding: Finding) -> None:
    head = f"{finding.mark:<7}  {finding.check:<12}  "
    lines = _folded(head, finding.text)
    if finding.advice:
        lines += _folded(f"{'':<{_INDENT - 3}}-> ", finding.advice)
    text = "\n".join(lines)
    if is_coloured():
        text = typer.style(finding.mark, fg=_COLOURS[finding.mark]) + text[len(finding.mark) :]
    print_text(text)


def _folded(head: str, text: str) -> list[str]:
    # A file or a pipe gets each finding on one line.
    if not sys.stdout.isatty():
        return [head + text]
    width = max(_INDENT + 20, shutil.get_terminal_size().columns)
    return textwrap.wrap(text, width, initial_indent=head, subsequent_indent=" " * _INDENT, break_on_hyphens=False)


def _summary(findings: list[Finding]) -> str:
    marks = [finding.mark for finding in findings]
    bad, doubtful = marks.count(Mark.FAILED), marks.count(Mark.WARNING)
    parts = [f"{bad} failed" if bad else "", amount(doubtful, "warning") if doubtful else ""]
    return ", ".join(filter(None, parts)) or "all is well"
