"""Charts as inline SVG. Coordinates are percents, so that they fit any width and their text keeps its size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partoo_async._internal.text import amount
from partoo_async.scan.summary.words import DASH

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["histogram", "meter", "range_text", "swatch"]

_TALLEST = 180  # pixels
_BASE = 204
_LEAST = 1.5  # percent: what is there is seen
_GAP = 0.14  # of a step


def meter(parts: Sequence[tuple[str, float]]) -> str:
    """Return a bar of a table's row, of (class, fraction) from left to right. The row has its numbers as text."""
    rects, start = [], 0.0
    for kind, fraction in parts:
        width = max(100 * fraction, _LEAST) if fraction else 0.0
        rects.append(f'<rect class="{kind}" x="{start:.2f}%" width="{width:.2f}%" height="8" rx="1.5"/>')
        start += width
    return f'<svg class="meter" aria-hidden="true">{"".join(rects)}</svg>'


def swatch(kind: str) -> str:
    """Return a square of a colour, for a key."""
    return f'<svg aria-hidden="true"><rect class="{kind}" width="100%" height="100%" rx="2"/></svg>'


def histogram(steps: Sequence[tuple[int, int, int]]) -> str:
    """Return how many groups have how many businesses, of (least, most, groups)."""
    highest = max((count for _, _, count in steps), default=0) or 1
    width = 100 / max(len(steps), 1)
    bars = [_bar(number * width, width, step, highest) for number, step in enumerate(steps)]
    told = "; ".join(f"{range_text(least, most)}: {count:,}" for least, most, count in steps)
    return (
        '<svg class="histogram" role="img" aria-labelledby="sizes-title sizes-desc">'
        '<title id="sizes-title">Groups by number of businesses</title>'
        f'<desc id="sizes-desc">Businesses: groups. {told}</desc>'
        f'{"".join(bars)}<line class="axis" x1="0" x2="100%" y1="{_BASE}" y2="{_BASE}"/></svg>'
    )


def _bar(left: float, width: float, step: tuple[int, int, int], highest: int) -> str:
    least, most, count = step
    height = max(round(_TALLEST * count / highest, 1), 2) if count else 0
    middle = f"{left + width / 2:.2f}%"
    y = _BASE - height
    place = f'x="{left + width * _GAP:.2f}%" width="{width * (1 - 2 * _GAP):.2f}%" y="{y:g}" height="{height:g}"'
    number = f'<text x="{middle}" y="{y - 6:g}" text-anchor="middle">{_short(count)}</text>' if count else ""
    below = f'x="{middle}" y="{_BASE + 20}" text-anchor="middle"'
    return (
        f"<g><title>{range_text(least, most)} businesses: {amount(count, 'group')}</title>"
        f'<rect class="bar" {place} rx="1.5"/>{number}'
        f'<text class="long" {below}>{_label(least, most)}</text>'
        f'<text class="short" {below}>{_short(least)}</text></g>'
    )


def range_text(least: int, most: int) -> str:
    """Return such as ``20-49``, with a longer dash."""
    return f"{least:,}" if least == most else f"{least:,}{DASH}{most:,}"


def _label(least: int, most: int) -> str:
    return range_text(least, most) if most < 1000 else f"{_short(least)}{DASH}{_short(most + 1)}"


def _short(number: int) -> str:
    return f"{number:,}" if number < 1000 else f"{number / 1000:.3g}k" if number < 10**6 else f"{number / 10**6:.3g}M"
