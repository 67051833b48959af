"""Bodies to models. Drift is tolerated and counted: harmless differences between a response and the documentation."""

from __future__ import annotations

import logging
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from partoo_async._protocol.json import SHORT, SHORT_FOR_MODELS, check_size, decode_json
from partoo_async._protocol.statuses import UNUSABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from partoo_async._protocol.http import Request

    PartReader: TypeAlias = Callable[[bytes, dict[str, None]], Any]

__all__ = ["Decoded", "Decoder"]

T = TypeVar("T")
_logger = logging.getLogger("partoo_async")

_MAX_PROBLEMS = 20
_MAX_DRIFT = 500  # kinds: a server that names its fields at random must not fill the memory


class Decoder:
    """Decodes bodies into models, and counts drift, or refuses it if ``strict``."""

    # Bodies go to msgspec, which at first reads those that are as documented, and nothing else. After the first drift
    # it reads such bodies, too: an API that sends one field more will send it in every response.
    __slots__ = ("_hooks", "_part_readers", "_readers", "_unchecked", "_unknown", "drift", "strict")
    in_slices = False  # whatever takes as long for each byte would stall the event loop

    def __init__(self, *, strict: bool = False) -> None:
        self.strict: bool = strict
        self.drift: Counter[str] = Counter()  # such as "Group.business_ids missing" to a number of responses
        self._unknown: dict[type, list[str]] | None = None  # names of fields by class, once there was any drift
        self._hooks: dict[type, Callable[[Any, Any], Any]] = {}
        self._readers: dict[type, Callable[[bytes], Any] | None] = {}
        self._part_readers: dict[tuple[Any, bool], PartReader] = {}
        self._unchecked = SHORT_FOR_MODELS  # bytes of a body that cannot have too many values

    def decode(self, body: bytes, cls: type[T], request: Request) -> T:
        """Return a body as an instance of an attrs class.

        Raises:
            InvalidJSONError: The body is no JSON.
            APIResponseValidationError: The JSON does not fit the class.
            TypeError: A field of the class has a type that no rule decodes.
        """
        try:
            read = self._readers[cls]
        except KeyError:
            read = self._readers[cls] = self._reader(cls)
        if read is not None:
            if len(body) > self._unchecked:
                check_size(body)
            try:
                value: T = read(body)
            except Exception:  # noqa: S110 - msgspec may raise several; what follows explains
                pass
            else:
                return value
        data = decode_json(body)
        if read is not None and self._learn(data, cls):
            return self.decode(body, cls, request)
        hook = self._hooks.get(cls)
        if hook is None:
            from partoo_async._protocol.converters import exact_hook  # noqa: PLC0415 - as above

            hook = self._hooks[cls] = exact_hook(cls)
        try:
            value = hook(data, cls)
        except Exception:  # noqa: S110 - cattrs may raise anything; the slow converter explains
            pass
        else:
            return value
        return self._decode_slowly(data, cls, request)

    def decode_plainly(self, body: bytes, cls: type[T], request: Request) -> T:
        """Return what has the fields of a model, but may be none: for many parts, in a third of the time.

        Raises:
            InvalidJSONError: As ``decode``, and so are the others.
            APIResponseValidationError: The same.
        """
        from partoo_async._protocol.structs import plain_reader  # noqa: PLC0415 - as below

        read = plain_reader(cls)  # also once there was drift: then other bodies may have none
        if read is not None:
            if len(body) > self._unchecked:
                check_size(body)
            try:
                value: T = read(body)
            except Exception:  # noqa: S110 - as above
                pass
            else:
                return value
        return self.decode(body, cls, request)

    def decode_part(self, body: bytes, cls: Any, drift: dict[str, None], *, many: bool = False) -> Any:
        """Return a part of a large body: an object, or a list of ``many``. ``drift`` gets what ``count`` takes.

        Raises some error for what does not fit.
        """
        if len(body) > self._unchecked:
            check_size(body)
        try:
            return self._part_reader(cls, many)(body, drift)
        except Exception:
            if not self._learn(decode_json(body), tuple[cls, ...] if many else cls):
                raise
        return self._part_reader(cls, many)(body, drift)

    def count(self, drift: Iterable[str]) -> None:
        """Count the kinds of drift of one response, each once. The first of a kind is logged."""
        for kind in drift:
            if kind not in self.drift:
                if len(self.drift) >= _MAX_DRIFT:
                    continue
                _logger.warning("the API's responses differ from its documentation: %s (logged once)", kind)
            self.drift[kind] += 1

    def _learn(self, data: object, kind: Any) -> bool:
        """Return whether data has drift that the next reader knows how to read, and this one did not."""
        from partoo_async._protocol.drift import learn  # noqa: PLC0415 - as below

        unknown = None if self.strict else learn(data, kind, self._unknown)
        if unknown is None:
            return False
        self._unknown = unknown
        self._readers.clear()
        self._part_readers.clear()
        self._unchecked = SHORT
        return True

    def _reader(self, cls: type) -> Callable[[bytes], Any] | None:
        # Imported in a thread while a client connects: it takes as long as a dozen requests.
        from partoo_async._protocol.structs import part_reader, reader  # noqa: PLC0415

        if self._unknown is None:
            return reader(cls)
        read = part_reader(cls, self._unknown)
        return None if read is None else partial(self._read_and_count, read)

    def _read_and_count(self, read: PartReader, body: bytes) -> Any:
        drift: dict[str, None] = {}
        value = read(body, drift)
        if drift:
            self.count(drift)
        return value

    def _part_reader(self, cls: Any, many: bool) -> PartReader:
        read = self._part_readers.get((cls, many))
        if read is None:
            from partoo_async._protocol.structs import part_reader  # noqa: PLC0415 - as above

            read = part_reader(cls, self._unknown, many=many)
            if read is None:
                raise TypeError(f"{cls.__name__} is read as a whole")
            self._part_readers[cls, many] = read
        return read

    def _decode_slowly(self, data: object, cls: type[T], request: Request) -> T:
        from partoo_async._protocol.converters import problems_of, structure  # noqa: PLC0415 - as above
        from partoo_async._protocol.drift import fill_missing  # noqa: PLC0415 - as above

        drift: dict[str, None] = {}
        paths: list[str] = []
        filled = fill_missing(data, cls, "$", drift, paths)
        if self.strict and paths:
            raise UNUSABLE.make(tuple(paths[:_MAX_PROBLEMS]), route=request.route)
        try:
            value = structure(filled, cls)
        except Exception as error:  # cattrs may raise anything
            problems = tuple(problems_of(error)[:_MAX_PROBLEMS])
        else:
            self.count(drift)
            return value
        # Raised after the except block: the frames of cattrs hold the payload, and would be in the traceback.
        raise UNUSABLE.make(problems, route=request.route)


class Decoded(Decoder):
    """Returns a value that was decoded before, in slices."""

    __slots__ = ("_value",)
    in_slices = True

    def __init__(self, value: object) -> None:
        super().__init__()
        self._value: Any = value

    def decode(self, body: bytes, cls: type[T], request: Request) -> T:
        """Return that value."""
        return cast("T", self._value)

    decode_plainly = decode
