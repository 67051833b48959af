"""Commands of which the first may be left out, and the ids that they take."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from partoo_async._internal.reprs import total_repr
from partoo_async.cli.help import HelpfulGroup
from partoo_async.cli.text import clean, shell_words

__all__ = ["GroupId", "SectionId", "Subcommands"]


@total_repr
class Subcommands(HelpfulGroup):
    """Commands of which ``get`` may be left out, so that ``partoo group 7 42`` works."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the word ``get`` unless another command, or the help of all, is asked for."""
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["get", *args]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed


def _section_id(text: str) -> int:
    return _id(text, f"'partoo sections' lists sections, {_groups(text)}")


def _group_id(text: str) -> int:
    return _id(text, _groups(text))


def _groups(text: str) -> str:
    return f"'partoo groups {shell_words([clean(text)])}' finds groups by name"


def _id(text: str, hint: str) -> int:
    if text.isascii() and text.removeprefix("-").isdigit():
        return int(text)  # what is too small or large, the client refuses
    raise typer.BadParameter(f"expected an id, a number, not {clean(text)!r}: {hint}")


SectionId = Annotated[
    int,
    typer.Argument(metavar="SECTION_ID", parser=_section_id, help="Id of the section; 'partoo sections' lists them."),
]
GroupId = Annotated[
    int, typer.Argument(metavar="GROUP_ID", parser=_group_id, help="Id of the group; 'partoo groups NAME' finds it.")
]
