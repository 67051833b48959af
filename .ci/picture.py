"""Draws what ``partoo demo`` shows in a terminal of 80 columns as an animated SVG; ``make picture`` runs it.

The picture loads nothing, has a dark ground of its own on light and dark pages alike, and stands still at its end for
those who asked for less motion.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from html import escape
from pathlib import Path

COLUMNS, ROWS = 80, 16
COMMAND = "partoo demo"
# Pictures of the run, evenly in time, before the last one, which stays for so many seconds.
FRAMES, HOLD = 12, 6.0
LONGEST = 0.4  # seconds without anything new
# One cell and the frame around all cells, in the units of the picture.
WIDTH, HEIGHT, BORDER = 8.0, 18.0, 16.0

GROUND, INK = "#16181d", "#d7dae0"
BASIC = ("#3b4048", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d7dae0")

Style = tuple[str, bool]  # colour, bold
Line = list[tuple[str, Style]]  # a character each

_PLAIN: Style = (INK, False)
# The end of a text that is the beginning of a sequence.
_BEGUN = re.compile(r"(?:\x1b(?:\[[?\d;]*)?)?$")
_TOKEN = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|([\r\n])|([^\x1b\r\n])")


def colour_of(number: int) -> str:
    """Return a colour of the 256 that terminals have."""
    if number < 16:
        return BASIC[number % 8]
    if number >= 232:
        return "#" + f"{8 + 10 * (number - 232):02x}" * 3
    levels = (0, 95, 135, 175, 215, 255)
    cube = number - 16
    return "#" + "".join(f"{levels[part]:02x}" for part in (cube // 36, cube // 6 % 6, cube % 6))


class Screen:
    """As much of a terminal as the bar of a scan needs."""

    def __init__(self) -> None:
        self.lines: list[Line] = [[]]
        self._row = self._column = 0
        self._style = _PLAIN

    def feed(self, text: str) -> None:
        """Take what a program wrote."""
        for arguments, final, control, character in _TOKEN.findall(text):
            if character:
                self._put(character)
            elif control == "\r":
                self._column = 0
            elif control == "\n":
                self._row += 1
                if self._row == len(self.lines):
                    self.lines.append([])
            elif final == "m":
                self._style = self._styled([int(part or 0) for part in arguments.split(";")])
            elif final == "K":
                self.lines[self._row] = [] if arguments == "2" else self.lines[self._row][: self._column]
            elif final == "A":
                self._row = max(0, self._row - int(arguments or 1))

    def _put(self, character: str) -> None:
        if self._column == COLUMNS:
            self.feed("\r\n")
        line = self.lines[self._row]
        line.extend([(" ", _PLAIN)] * (self._column + 1 - len(line)))
        line[self._column] = (character, self._style)
        self._column += 1

    def _styled(self, codes: list[int]) -> Style:
        colour, bold = self._style
        if codes[:2] == [38, 5]:
            return colour_of(codes[2]), bold
        for code in codes:
            if code == 0:
                colour, bold = _PLAIN
            elif code == 1:
                bold = True
            elif 30 <= code <= 37 or 90 <= code <= 97:
                colour = BASIC[code % 10]
        return colour, bold

    def shown(self) -> list[Line]:
        """Return the lines that are not scrolled away."""
        lines = self.lines if self.lines[-1] else self.lines[:-1]
        return [list(line) for line in lines[-ROWS:]]


def record() -> list[tuple[float, list[Line]]]:
    """Run the command and return what was seen after how many seconds."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = os.environ | {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "partoo_async", *COMMAND.split()[1:]]
    screen, seen = Screen(), []
    screen.feed(f"$ {COMMAND}\r\n")
    decoder = codecs.getincrementaldecoder("utf-8")()
    with subprocess.Popen(  # noqa: S603 - our own command
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        last, second, rest = time.monotonic(), 0.0, ""
        while chunk := _read(ours):
            text = rest + decoder.decode(chunk)
            rest = _BEGUN.search(text)[0]  # type: ignore[index] - matches the empty end at least
            screen.feed(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8000", text.removesuffix(rest)))
            # A busy machine may take longer to start than the scan does; nobody wants to see that.
            now = time.monotonic()
            second, last = second + min(now - last, LONGEST), now
            seen.append((second, screen.shown()))
    os.close(ours)
    if process.returncode:
        raise SystemExit(f"{COMMAND} failed: {process.returncode}")
    return seen


def chosen(seen: list[tuple[float, list[Line]]]) -> list[tuple[float, list[Line]]]:
    """Return a few pictures, evenly in time, each with the second at which it begins."""
    end = seen[-1][0]
    at = [end * number / FRAMES for number in range(FRAMES)]
    before = [[lines for second, lines in seen if second <= moment] for moment in at]
    frames = [(moment, lines[-1]) for moment, lines in zip(at, before, strict=True) if lines]
    return [(0.0, [_typed(f"$ {COMMAND}")]), *frames[1:], (end, seen[-1][1])]


def _typed(text: str) -> Line:
    return [(character, _PLAIN) for character in text]


def _drawn(line: Line, row: int) -> str:
    """One element for each piece of one style, as wide as its cells whatever the font is."""
    parts, y = [], BORDER + HEIGHT * (row + 0.75)
    for match in re.finditer(r"(?:[^ ]| (?=[^ ]))+", "".join(character for character, _ in line)):
        start = match.start()
        while start < match.end():
            style = line[start][1]
            end = next((place for place in range(start, match.end()) if line[place][1] != style), match.end())
            text = "".join(character for character, _ in line[start:end])
            looks = (f' fill="{style[0]}"' if style[0] != INK else "") + (' font-weight="bold"' if style[1] else "")
            parts.append(
                f'<text x="{BORDER + WIDTH * start:g}" y="{y:g}" textLength="{WIDTH * (end - start):g}"{looks}>'
                f"{escape(text)}</text>"
            )
            start = end
    return "".join(parts)


def svg(frames: list[tuple[float, list[Line]]]) -> str:
    """Return the picture."""
    total = frames[-1][0] + HOLD
    width, height = WIDTH * COLUMNS + 2 * BORDER, HEIGHT * ROWS + 2 * BORDER
    begins = [100 * moment / total for moment, _ in frames]
    rules, groups = [], []
    for number, ((_, lines), begin, end) in enumerate(zip(frames, begins, [*begins[1:], 100.0], strict=True)):
        is_last = number == len(frames) - 1
        shown = f"{begin:.1f}%{{visibility:visible}}" + ("" if is_last else f"{end:.1f}%{{visibility:hidden}}")
        rules.append(f"@keyframes f{number}{{{'' if begin == 0 else '0%{visibility:hidden}'}{shown}}}")
        rules.append(f"#f{number}{{animation:f{number} {total:.1f}s step-end infinite}}")
        drawn = "".join(_drawn(line, row) for row, line in enumerate(lines))
        hidden = "" if is_last else ' visibility="hidden"'
        groups.append(f'<g id="f{number}"{hidden}>{drawn}</g>')
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img">',
            f"<title>{COMMAND}</title>",
            "<style>text{font:13.3px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;white-space:pre}",
            "@media (prefers-reduced-motion:no-preference){",
            *rules,
            "}</style>",
            f'<rect width="100%" height="100%" rx="8" fill="{GROUND}" stroke="#3b4048"/>',
            f'<g fill="{INK}">',
            *groups,
            "</g></svg>\n",
        ]
    )


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that the other end was closed
        return b""


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(svg(chosen(record())), encoding="utf-8")
