"""Results on standard output in the formats of files, as they come."""

from __future__ import annotations

import asyncio
import io
import tempfile
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partoo_async.cli.output import write_bytes
from partoo_async.exports.formats import BYTE_ORDER_MARK

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from partoo_async.exports.formats import Encoder

__all__ = ["emit"]

_CHUNK = 2**16


async def emit(items: AsyncGenerator[Any, None], encoder: Encoder, *, whole: bool = False) -> int:
    """Print what an encoder takes and return the number of rows. ``whole``: at the end, for a format with an index."""
    if whole:
        return await _emit_whole(items, encoder)
    # For programs, to which the mark of a file would be a part of the first column's name.
    await write_bytes(_encoded(encoder.begin).removeprefix(BYTE_ORDER_MARK))
    rows = 0
    async with aclosing(items):
        async for item in items:
            buffer = io.BytesIO()
            rows += encoder.write(buffer, [item])
            await write_bytes(buffer.getvalue())
    await write_bytes(_encoded(encoder.finish))
    return rows


async def _emit_whole(items: AsyncGenerator[Any, None], encoder: Encoder) -> int:
    from partoo_async.exports.writer import write_encoded  # noqa: PLC0415 - for Parquet only

    with tempfile.TemporaryDirectory(prefix="partoo-") as folder:
        written = await write_encoded(items, Path(folder, "rows"), encoder)
        with written.path.open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, _CHUNK):
                await write_bytes(chunk)
    return written.rows


def _encoded(part: Callable[[Any], object]) -> bytes:
    buffer = io.BytesIO()
    part(buffer)
    return buffer.getvalue()
