"""A large list in slices, so that an event loop can do other things in between."""

from __future__ import annotations

import gc
import re
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import attrs

from partoo_async._protocol.json import encode_json, most_items
from partoo_async._protocol.kinds import tuple_item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from partoo_async._protocol.decoding import Decoder

__all__ = ["Slices"]

T = TypeVar("T")

# Bytes that are decoded at once, in 3 ms: 40,000 ids, or 4,000 groups of a section.
_TEXTS, _OBJECTS = 1024 * 1024, 256 * 1024
_FEW = 3  # slices: a list that is no longer is decoded at once, since to put slices together is a tenth of the work
# What a slice may end with and the next one begin with, and the comma between them.
_BORDERS = {b'"': re.compile(rb'"[ \t\n\r]*,[ \t\n\r]*"'), b"}": re.compile(rb"\}[ \t\n\r]*,[ \t\n\r]*\{")}


class Slices(Generic[T]):
    """Decodes a body by iteration, which yields how many bytes are next. ``value``: the model at the end, or None.

    None means that the body is not of such a form, or no model at all, and is to be decoded in another way.
    """

    # A wrong cut goes unnoticed nowhere. The body without the items of its list has to be the model with an empty list,
    # so that the list begins where it seems to. From there on each slice has to be a whole list of items between
    # brackets, so that it does not end within a string or an object, and the next one begins where an item does. It may
    # be the list of an unknown field, which is left out: with an item there, the model has to have that item.

    def __init__(self, body: bytes, cls: type[T], decoder: Decoder) -> None:
        self._body = body
        self._cls = cls
        self._decoder = decoder
        self.value: T | None = None

    def __iter__(self) -> Iterator[int]:
        try:
            form = None if len(self._body) <= _FEW * _OBJECTS else _form_of(self._cls)  # type: ignore[arg-type]  # cached
            if form is not None:
                yield from self._decode(form)
        except Exception:  # noqa: S110 - msgspec may raise several; the other way explains
            pass

    def _decode(self, form: _Form) -> Iterator[int]:
        body = self._body
        opening, end = form.opening.search(body), body.rfind(b"]")
        if opening is None or end - opening.end() <= _FEW * form.step:
            return
        place = opening.end()
        head, tail = body[:place], body[end:]
        decode, drift = self._decoder.decode_part, dict[str, None]()
        outline: Any = decode(head + tail, self._cls, drift)
        view, items = memoryview(body), list[Any]()
        while place < end and not getattr(outline, form.name):
            border = form.border.search(body, place + form.step, end)
            stop, after = (end, end) if border is None else (border.start() + 1, border.end() - 1)
            yield stop - place
            part = b"".join((b"[", view[place:stop], b"]"))
            items += _uncollected(partial(decode, part, form.item, drift, many=True))
            if len(items) > form.most:
                return
            place = after
        one = items[:1]
        if place == end and getattr(decode(head + _inner(one) + tail, self._cls, {}), form.name) == tuple(one):
            self.value = attrs.evolve(outline, **{form.name: tuple(items)})
            self._decoder.count(drift)


def _inner(items: list[Any]) -> bytes:
    """Return what is between the brackets of items as JSON."""
    return encode_json([attrs.asdict(item) if attrs.has(type(item)) else item for item in items])[1:-1]


def _uncollected(read: Callable[[], list[Any]]) -> list[Any]:
    """Read a slice without Python's garbage collector: a full pass of it takes several times as long as a slice."""
    # Thousands of new objects that are no garbage would cause one. As it is, they count as a single step towards it.
    if not gc.isenabled():
        return read()
    gc.disable()
    try:
        return read()
    finally:
        gc.enable()


class _Form(NamedTuple):
    """How to decode a model of which one field is a list."""

    name: str  # of that field
    opening: re.Pattern[bytes]
    border: re.Pattern[bytes]
    step: int  # bytes of a slice
    most: int  # items
    item: Any


@cache
def _form_of(cls: Any) -> _Form | None:
    from partoo_async._protocol.structs import part_reader  # noqa: PLC0415 - see Decoder

    read = part_reader(cls)  # resolves the types, too
    lists = [(field.name, tuple_item(field.type)) for field in attrs.fields(cls) if tuple_item(field.type)]
    if read is None or len(lists) != 1:
        return None
    ((name, item),) = lists
    opening = re.compile(rb'"%b"[ \t\n\r]*:[ \t\n\r]*\[' % name.encode())
    fields = len(attrs.fields(item)) if attrs.has(item) else 0
    border, step = (_BORDERS[b"}"], _OBJECTS) if fields else (_BORDERS[b'"'], _TEXTS)
    return _Form(name, opening, border, step, most_items(fields), item)
