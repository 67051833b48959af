"""Lists, such as all sections: a table, lines, or a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from partoo_async.cli.output import print_json, print_result, table
from partoo_async.cli.streams import say
from partoo_async.cli.text import amount, clean

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from partoo_async.cli.result_options import Target
    from partoo_async.exports.lists import Columns

__all__ = ["Listing"]


@frozen
class Listing:
    """How a list of objects is shown.

    ``columns``: of the table, with ``cells`` for each object. ``fields``: the columns of CSV. ``nothing``:
    what an empty table says instead.
    """

    columns: Sequence[str]
    cells: Callable[[dict[str, Any]], Sequence[str]]
    numbers: Sequence[str]
    fields: Columns
    nothing: str

    async def show(self, objects: AsyncGenerator[dict[str, Any], None], target: Target | None) -> None:
        """Print the objects, or write them to a file."""
        if target is None:
            rows = [self.cells(one) async for one in objects]
            if rows:
                print_result(table(self.columns, rows, numbers=self.numbers))
            else:
                say(self.nothing)
        elif target.is_json:
            async for one in objects:
                await print_json(one)
        else:
            await self._encode(objects, target)

    async def _encode(self, objects: AsyncGenerator[dict[str, Any], None], target: Target) -> None:
        # Here, so that a table does not import them.
        from partoo_async.cli.row_output import emit  # noqa: PLC0415
        from partoo_async.exports.lists import list_encoder  # noqa: PLC0415
        from partoo_async.exports.writer import write_encoded  # noqa: PLC0415

        encoder = list_encoder(Path(target.path or "-"), target.format, target.delimiter, self.fields)
        if target.path is None:
            await emit(objects, encoder)
            return
        written = await write_encoded(objects, Path(target.path), encoder)
        say(f"{amount(written.rows, 'row')} in {clean(target.path)}")
