"""``partoo key``: the API key in the keyring of the system."""

from __future__ import annotations

import getpass
import sys

import typer

from partoo_async._internal.secret import protect
from partoo_async.cli.exit_codes import OK
from partoo_async.cli.help import HelpfulCommand, epilog, sub_app
from partoo_async.cli.interrupts import interruptible, prompting
from partoo_async.cli.keys import delete_key, find_key, key_from, read_key, store_key
from partoo_async.cli.options import Json, KeyFile, Server, VolumeOptions, with_options
from partoo_async.cli.output import print_json, print_text
from partoo_async.cli.process import execute
from partoo_async.cli.streams import say
from partoo_async.servers import resolve_server

__all__ = ["key_app"]

_SET = epilog(
    ("partoo key set", "asks for the key, and does not show what is typed"),
    ("pass show partoo | partoo key set --server sandbox", "another server's key, from a password manager"),
)
_SHOW = epilog(("partoo key show", "from where commands take the key"))
_DELETE = epilog(("partoo key delete", "forget it"))

key_app: typer.Typer = sub_app("key")


@key_app.callback(epilog=_SET)
def key() -> None:
    """Store the API key in the keyring of the system, and say where commands take it from.

    A command takes it from --key-file FILE, else from the variable PARTOO_API_KEY, else from the file that
    PARTOO_API_KEY_FILE names, else from the keyring. The keyring has one key for each server.
    """


@key_app.command("set", cls=HelpfulCommand, epilog=_SET)
@with_options
def set_key(volume: VolumeOptions, server: Server = None) -> int:
    """Store the key, typed at a prompt or read from standard input. It is never printed."""

    async def run() -> int:
        chosen = resolve_server(server)
        given = key_from(_typed(), "the key") if sys.stdin.isatty() else read_key("-", "standard input")
        store_key(given.secret, chosen)
        if not volume.quiet:
            say(f"stored for {chosen.base_url}")
        return OK

    return execute(run)


def _typed() -> object:
    # A signal is an exception here: its default effect would leave the terminal without an echo.
    with prompting(), interruptible():
        return protect(getpass.getpass("API key: "))


@key_app.command(cls=HelpfulCommand, epilog=_SHOW)
@with_options
def show(volume: VolumeOptions, server: Server = None, key_file: KeyFile = None, as_json: Json = False) -> int:
    """Say where commands take the key from, and not the key."""

    async def run() -> int:
        chosen = resolve_server(server)
        found = find_key(key_file, chosen)
        if as_json:
            await print_json({"server": chosen.base_url, "source": found.source})
        else:
            print_text(f"server  {chosen.base_url}\nkey     from {found.source}")
        return OK

    return execute(run)


@key_app.command(cls=HelpfulCommand, epilog=_DELETE)
@with_options
def delete(volume: VolumeOptions, server: Server = None) -> int:
    """Delete the key from the keyring."""

    async def run() -> int:
        chosen = resolve_server(server)
        delete_key(chosen)
        if not volume.quiet:
            say(f"deleted for {chosen.base_url}")
        return OK

    return execute(run)
