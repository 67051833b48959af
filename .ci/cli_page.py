"""Writes docs/cli.md from the command line itself; ``make pages`` runs it, and a test holds the page to it."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from partoo_async.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator

# Explained once, if so many commands have it, word for word.
SHARED = 5

Rows = list[tuple[str, str]]

HEAD = """\
# Command line

<!-- Written by `make pages` from the commands themselves: change their help, not this page. -->

Every command and option of `partoo`, which comes with the extra `cli`: `pip install '.[cli]'`. Without a key,
`partoo demo` shows a scan, and `partoo emulator` prints the two variables with which every command below can be tried.
With one, [`partoo doctor`](#partoo-doctor) says whether all is well. [`partoo key set`](#partoo-key) stores it in the
keyring of the system, which needs `pip install '.[cli,keyring]'`.

"""


def walk(command: Any, path: str, parent: Any = None) -> Iterator[tuple[str, Any, Any]]:
    """Yield each command as it is typed, its context and itself, in the order of the help."""
    context = command.make_context(path.rpartition(" ")[2], [], parent=parent, resilient_parsing=True)
    yield path, context, command
    if hasattr(command, "list_commands"):
        for name in command.list_commands(context):
            if not (inner := command.get_command(context, name)).hidden:
                yield from walk(inner, f"{path} {name}", context)


def rows_of(command: Any, context: Any, kind: str) -> Rows:
    """Return the arguments or the options of a command with what the help says about each."""
    found = [one.get_help_record(context) for one in command.get_params(context) if one.param_type_name == kind]
    return [(left, right) for left, right in filter(None, found) if not left.endswith("--help")]


def table(title: str, rows: Rows) -> list[str]:
    """Return a table, with a column for defaults if most rows have one: on a phone it takes a third of the width."""
    split = [(named(left), *default_in(right)) for left, right in rows]
    has_default = sum(bool(default) for _, _, default in split) * 2 > len(split)
    if not has_default:
        split = [(left, said_with(meaning, default), "") for left, meaning, default in split]
    lines = [f"| {title} | meaning |" + " default |" * has_default, "|---|---|" + "---|" * has_default]
    for left, meaning, default in split:
        lines.append(f"| `{cell(left)}` | {cell(meaning)} |" + f" {default} |" * has_default)
    return [*lines, ""] if rows else []


def said_with(meaning: str, default: str) -> str:
    """Return the meaning of an option, and its default if it has one."""
    if not default:
        return meaning
    return f"{meaning} {default.capitalize() if default == 'required' else f'Default: {default}'}."


def named(text: str) -> str:
    """Return an option with the placeholder for its value: type names of Python say nothing in a shell."""
    if not text.startswith("-"):
        return re.sub(r" *<.*>|[][]", "", text)
    text = re.sub(r"<(?:list\[)?int(?: range)?\]?>", "N", text)
    return re.sub(r"<([^>]+)>", r"\1", re.sub(r"<(?:list\[)?str\]?>", "TEXT", text))


def default_in(text: str) -> tuple[str, str]:
    """Return the meaning of an option, and its default."""
    found = re.search(r"\s*\[([^\[\]]+)\]$", text)
    if found is None:
        return text, ""
    notes = [note for note in found[1].split("; ") if not re.search(r"x[<>]|<=?x", note)]
    return text[: found.start()], ", ".join(re.sub(r"^default: (.*)", r"`\1`", note) for note in notes)


def usage_of(path: str, context: Any, command: Any) -> str:
    """Return the usage; what is optional is in brackets, once."""
    usage = f"{path} {' '.join(command.collect_usage_pieces(context))}"
    return re.sub(r"\{(\w+)\}", r"\1", usage.replace("[[", "[").replace("]]", "]"))


def cell(text: str) -> str:
    """Return a text that does not end a cell."""
    return " ".join(text.split()).replace("|", "\\|")


def parts_of(epilog: str | None) -> dict[str, list[str]]:
    """Return the lines below each heading of the end of a help; those without one below ""."""
    parts: dict[str, list[str]] = {"": []}
    heading = ""
    for line in (epilog or "").splitlines():
        if re.fullmatch(r"\S.*:", line):
            heading = line.removesuffix(":")
            parts[heading] = []
        elif line.strip():
            parts[heading].append(line.strip())
    return parts


def codes_in(parts: dict[str, list[str]]) -> Rows:
    """Return the exit codes that a help lists."""
    lines = next((lines for heading, lines in parts.items() if heading.startswith("Exit codes")), [])
    return [(code, meaning) for code, meaning in (line.split(maxsplit=1) for line in lines)]


def described(path: str, context: Any, command: Any, shared: Rows, usual: Rows) -> list[str]:
    """Return the part of the page about one command."""
    arguments = rows_of(command, context, "argument")
    options = rows_of(command, context, "option")
    common = [row for row in options if row in shared]
    parts = parts_of(command.epilog)
    lines = [f"{'#' * (path.count(' ') + 1)} {path}", ""]
    lines += ["\n".join(filter(None, map(str.strip, part.splitlines()))) + "\n" for part in help_of(command)]
    lines += ["```text", usage_of(path, context, command), "```", ""]
    lines += table("argument", arguments)
    lines += table("option", [row for row in options if row not in shared])
    if common:
        names = ", ".join(f"`{name_of(left)}`" for left, _ in common)
        lines += [f"And [shared options](#shared-options): {names}.", ""]
    if examples := parts.get("Examples"):
        lines += ["```sh", *examples, "```", ""]
    codes = codes_in(parts)
    if codes and codes != usual:
        lines += ["Exit codes, where they differ from [those of all commands](#exit-codes):", ""]
        lines += table("code", [row for row in codes if row not in usual])
    return lines


def help_of(command: Any) -> list[str]:
    """Return the paragraphs of a help."""
    return [part for part in re.split(r"\n\s*\n", (command.help or "").replace("\b", "")) if part.strip()]


def name_of(option: str) -> str:
    """Return the long name of an option."""
    return next(word for word in re.split(r"[\s,/]+", option) if word.startswith("--"))


def page() -> str:
    """Return docs/cli.md."""
    (_path, context, root), *commands = walk(typer.main.get_command(app), "partoo")
    counts = Counter(row for _, inner, command in commands for row in rows_of(command, inner, "option"))
    shared = [row for row, count in counts.items() if count >= SHARED]
    parts = parts_of(root.epilog)
    usual = codes_in(parts)
    lines = ["\n\n".join(help_of(root)), "", *parts[""], ""]
    lines += ["`partoo --help`, or `--help` after any command, says what stands here.", ""]
    lines += table("option", rows_of(root, context, "option"))
    lines += ["| command | what |", "|---|---|"]
    for name, _, command in commands:
        if name.count(" ") == 1:
            first = help_of(command)[0]
            lines.append(f"| [`{name}`](#{name.replace(' ', '-')}) | {cell(first)} |")
    lines += ["", "## Shared options", "", *table("option", shared)] if shared else [""]
    lines += ["## Exit codes", "", *table("code", usual)]
    for name, inner, command in commands:
        lines += described(name, inner, command, shared, usual)
    return HEAD + "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
