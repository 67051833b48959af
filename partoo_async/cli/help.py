"""The help of commands: plain text that fits any terminal, with examples.

It is written with the formatter that typer brings, so no other library is imported, and nothing is boxed in.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from partoo_async._internal.reprs import total_repr
from partoo_async.cli.exit_codes import USAGE
from partoo_async.cli.values import read_quickly

__all__ = ["HelpfulCommand", "HelpfulGroup", "epilog", "is_coloured", "listed", "sub_app"]

_SHORT = 70
_FIRST = 26  # columns of an option, with its explanation on the same line


def epilog(*examples: tuple[str, str], codes: Iterable[tuple[int, str]] = ()) -> str:
    """Return the end of a command's help.

    Args:
        examples: Command lines, and what each is for.
        codes: Exit codes, where they differ from those that ``partoo --help`` lists.
    """
    lines = ["Examples:"]
    for line, purpose in examples:
        lines += [f"  # {purpose}", f"  {line}"]
    if codes:
        lines += ["", "Exit codes that differ from those of 'partoo --help':", *listed(codes)]
    return "\n".join(lines)


def listed(codes: Iterable[tuple[int, str]]) -> list[str]:
    """Return a line for each exit code."""
    return [f" {code:>3}  {meaning}" for code, meaning in codes]


def sub_app(name: str, cls: type[TyperGroup] | None = None) -> typer.Typer:
    """Return an application for the commands of a command."""
    return typer.Typer(
        name=name,
        cls=cls or HelpfulGroup,
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


@total_repr
class HelpfulCommand(TyperCommand):
    """A command with this help."""

    def get_params(self, ctx: Any) -> Any:
        """Return its options and arguments, and the option for help."""
        return read_quickly(super().get_params(ctx))

    def get_short_help_str(self, limit: int = _SHORT) -> str:
        """Return its first sentence, which completion shows beside its name."""
        return super().get_short_help_str(limit)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write it."""
        _write(self, ctx, formatter, {})


@total_repr
class HelpfulGroup(TyperGroup):
    """Commands with this help. A mistyped name is answered by the nearest one."""

    def get_params(self, ctx: Any) -> Any:
        """Return its options and arguments, and the option for help."""
        return read_quickly(super().get_params(ctx))

    def panels(self, ctx: Any) -> dict[str, list[tuple[str, str]]]:
        """Return the names and short texts of the commands, by heading."""
        found = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        return {"Commands": [(name, one.get_short_help_str(_SHORT)) for name, one in found if one and not one.hidden]}

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write it."""
        _write(self, ctx, formatter, self.panels(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read its words. Without any, the help is what is missing."""
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help(), color=ctx.color)
            raise typer.Exit(USAGE)
        left: list[str] = super().parse_args(ctx, args)
        return left

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that the first word names."""
        names = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in names and not ctx.resilient_parsing:
            import difflib  # noqa: PLC0415 - for mistakes alone

            near = difflib.get_close_matches(args[0], names, n=1)
            ctx.fail(f"there is no command {args[0]!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)


def _write(command: Any, ctx: Any, formatter: Any, commands: dict[str, list[tuple[str, str]]]) -> None:
    bold = is_coloured()
    ctx.color = bold or None
    formatter.write_usage(ctx.command_path, " ".join(_usage(command, ctx)))
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        formatter.write_paragraph()
        formatter.write_text(paragraph)
    width = max((len(name) for rows in commands.values() for name, _ in rows), default=0)
    aligned = {heading: [(f"{name:<{width}}", text) for name, text in rows] for heading, rows in commands.items()}
    for heading, rows in {**aligned, **_options(command, ctx)}.items():
        with formatter.section(typer.style(heading, bold=True) if bold else heading):
            formatter.write_dl(rows, col_max=_FIRST)
    if command.epilog:
        formatter.write_paragraph()
        for line in _headings(command.epilog.split("\n"), bold=bold):
            formatter.write(f"{line}\n")


def _options(command: Any, ctx: Any) -> dict[str, list[tuple[str, str]]]:
    panels: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
    for one in command.get_params(ctx):
        record = one.get_help_record(ctx)
        if record is not None:
            is_argument = one.param_type_name == "argument"
            panel = "Arguments" if is_argument else getattr(one, "rich_help_panel", None) or "Options"
            term, text = (_argument(one), record[1]) if is_argument else record
            panels.setdefault(panel, []).append((term, text.replace("\\[", "[")))  # as rich would want it
    return {panel: rows for panel, rows in panels.items() if rows}


def _argument(argument: Any) -> str:
    # Releases of typer differ in what they add to it.
    return str(argument.metavar or argument.name.upper()).strip("[]")


def _usage(command: Any, ctx: Any) -> Iterator[str]:
    yield "[OPTIONS]"
    for one in command.get_params(ctx):
        if one.param_type_name == "argument":
            yield (_argument(one) if one.required else f"[{_argument(one)}]") + ("..." if one.nargs == -1 else "")
    if isinstance(command, TyperGroup):
        yield "COMMAND ..."


def _headings(lines: Sequence[str], *, bold: bool) -> Iterator[str]:
    for line in lines:
        yield typer.style(line, bold=True) if bold and line.endswith(":") and line[:1].strip() else line


def is_coloured() -> bool:
    """Return whether standard output takes colours."""
    # https://no-color.org, and what terminals without any say of themselves.
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
