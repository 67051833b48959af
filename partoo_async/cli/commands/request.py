"""``partoo request``: any endpoint of the API."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

import typer

from partoo_async._protocol.operations import custom
from partoo_async.cli.exit_codes import OK
from partoo_async.cli.help import epilog
from partoo_async.cli.options import ClientOptions, with_options
from partoo_async.cli.process import execute
from partoo_async.cli.request_fields import parse_fields, read_input, split_query
from partoo_async.cli.request_output import Show, print_request, printed_error, show_object, show_response
from partoo_async.cli.waits import connected
from partoo_async.errors import APIStatusError, ConfigurationError
from partoo_async.servers import resolve_server

__all__ = ["EPILOG", "request"]

EPILOG = epilog(
    ("partoo request GET /business/search -f query=cafe -F per_page=5", "a search"),
    ("partoo request POST /sections/7 -f name=Region --dry-run", "what would be sent, and a line for curl"),
    ("partoo request GET /sections | jq '.sections[].name'", "the body as it came, for other programs"),
)


@with_options
def request(  # noqa: PLR0917 - typer reads one parameter per option, by name
    client: ClientOptions,
    method: Annotated[str, typer.Argument(metavar="METHOD", help="GET, POST, PUT, PATCH or DELETE.")],
    path: Annotated[str, typer.Argument(metavar="PATH", help="Path below the server, such as /business/search.")],
    raw_field: Annotated[
        list[str] | None,
        typer.Option("--raw-field", "-f", metavar="NAME=TEXT", help="A text. NAME[]=TEXT, repeated: a list."),
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(
            "--field",
            "-F",
            metavar="NAME=VALUE",
            help="A number, true, false, null, @FILE, or a text; or NAME:=JSON.",
        ),
    ] = None,
    body_from: Annotated[
        str | None,
        typer.Option("--input", metavar="FILE", help="Send the JSON of a file, - for standard input, as the body."),
    ] = None,
    include: Annotated[bool, typer.Option("--include", "-i", help="Print status and headers too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be sent, and send nothing.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object with status, headers and body; errors as JSON.")
    ] = False,
) -> int:
    """Call any endpoint of the API, with the client's retries and quota.

    Fields are the query of a GET or DELETE, else the JSON body; beside --input, the query. On a terminal JSON is laid
    out; into a file or a pipe goes the body as it came. Writes are sent without a question, and never twice.
    """

    async def run() -> int:
        server = resolve_server(client.server)
        target, query = split_query(path, server.base_url)
        fields = parse_fields(raw_field or (), field or ())
        in_query = method.upper() in ("GET", "DELETE") or body_from is not None
        params = query | (fields if in_query else {})
        if in_query and not query.keys().isdisjoint(fields):
            raise ConfigurationError("PATH: a parameter is given twice, in its query and as a field")
        body = read_input(body_from) if body_from is not None else None if in_query else fields or None
        if dry_run:
            made = custom(method, target, params=params, json=body, idempotent=None).request
            await print_request(made, server.base_url, as_json=as_json)
        else:
            show = show_object if as_json else partial(show_response, include=include)
            await _send(client, method, target, params, body, show)
        return OK

    return execute(run, path="PATH", method="METHOD", params="--raw-field", json="--input")


async def _send(
    client: ClientOptions, method: str, path: str, params: Mapping[str, Any], body: Any, show: Show
) -> None:
    async with connected(client) as partoo:
        try:
            response = await partoo.request(method, path, params=params, json=body, raw=True)
        except APIStatusError as error:
            await show(error.status, error.headers, printed_error(error.body))
            raise
    await show(response.status, response.headers, response.body)
