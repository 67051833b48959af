"""A schema for pydantic, and so for FastAPI. pydantic asks for it; nothing here needs pydantic."""

from __future__ import annotations

import inspect
import re
from types import UnionType
from typing import Any, Union, get_args, get_origin

import attrs

from partoo_async import errors
from partoo_async._internal.read_only import read_only
from partoo_async._internal.values import Value, error_object

__all__ = ["Model", "TheRest"]


class TheRest:
    """Marks the field that gets what else a JSON object has: ``Annotated[Mapping[str, Any], TheRest]``."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _: object, __: Any) -> Any:
        from pydantic_core import core_schema as core  # noqa: PLC0415 - whoever calls this has it

        # pydantic would make it a plain dict.
        return core.no_info_after_validator_function(
            read_only,
            core.dict_schema(core.str_schema(), core.any_schema()),
            serialization=core.plain_serializer_function_ser_schema(
                dict, return_schema=core.dict_schema(core.str_schema(), core.any_schema())
            ),
        )


class Model(Value):
    """Base of frozen attrs classes that ``TypeAdapter(...)`` and FastAPI's response types accept."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, _: object, handler: Any) -> Any:
        from pydantic_core import core_schema as core  # noqa: PLC0415 - whoever calls this has it

        model: Any = attrs.resolve_types(cls)  # type: ignore[type-var]  # each subclass is one of attrs
        fields = attrs.fields(model)
        types = {field.name: handler.generate_schema(_known(field.type)) for field in fields}
        arguments = [core.dataclass_field(field.name, _optional(field, types[field.name])) for field in fields]
        # By itself, pydantic serializes only dataclasses of the standard library.
        parts = core.typed_dict_schema({name: core.typed_dict_field(kind) for name, kind in types.items()})

        def fields_of(value: object) -> dict[str, Any]:
            # In a union pydantic tries one class after the other, and takes the first that does not raise.
            if not isinstance(value, model):
                raise TypeError(f"expected {cls.__name__}, not {type(value).__name__}")
            return {name: getattr(value, name) for name in types}

        return core.dataclass_schema(
            model,
            core.dataclass_args_schema(cls.__name__, arguments),
            list(types),
            ref=f"{cls.__module__}.{cls.__qualname__}:{id(cls)}",
            slots=True,
            frozen=True,
            serialization=core.plain_serializer_function_ser_schema(fields_of, return_schema=parts),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:
        found = handler(schema)
        shown = handler.resolve_ref_schema(found)
        about, attributes = _documented(cls.__doc__ or "")
        shown.update(title=cls.__name__, description=about)
        for name, part in shown["properties"].items():
            if name in attributes:
                part["description"] = attributes[name]
        return found


def _documented(doc: str) -> tuple[str, dict[str, str]]:
    """Return what a docstring says of the class and of each attribute."""
    about, _, attributes = inspect.cleandoc(doc).partition("\n\nAttributes:\n")
    # A line that is further in continues the one before.
    lines = re.sub(r"\n {5,}", " ", attributes).splitlines()
    return about, {name.strip(): text for name, _, text in (line.partition(": ") for line in lines)}


class _ErrorSchema:
    """Stands for errors: pydantic takes one as it is, or as its JSON object."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _: object, __: object) -> Any:
        from pydantic_core import core_schema as core  # noqa: PLC0415 - as above

        kinds = {
            "type": core.str_schema(),
            "message": core.str_schema(),
            "status": core.nullable_schema(core.int_schema()),
            "transient": core.bool_schema(),
        }
        parts = core.typed_dict_schema({name: core.typed_dict_field(kind) for name, kind in kinds.items()})
        made = core.no_info_after_validator_function(_error, parts)
        return core.json_or_python_schema(
            made,
            core.union_schema([core.is_instance_schema(errors.PartooError), made]),
            ref="partoo_async.errors.PartooError:0",  # a part of the schema of its own, by this name
            serialization=core.plain_serializer_function_ser_schema(error_object, return_schema=parts),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:
        found = handler(schema)
        handler.resolve_ref_schema(found).update(title="PartooError", description="Why something failed.")
        return found


def _known(kind: Any) -> Any:
    """The type of a field, with another one for errors."""
    if kind is errors.PartooError:
        return _ErrorSchema
    if get_origin(kind) in (Union, UnionType):
        return Union[tuple(_known(one) for one in get_args(kind))]  # noqa: UP007 - of any number
    return kind


def _error(parts: dict[str, Any]) -> errors.PartooError:
    """An error of the same class and text. Whatever else it had is at a default."""
    cls = getattr(errors, parts["type"], None)
    if not (isinstance(cls, type) and issubclass(cls, errors.PartooError)):
        cls = errors.PartooError  # of a subclass of somebody's
    error = cls.__new__(cls)
    error.args = (parts["message"],)
    lost = {"route": "", "body": None, "server": "", "retry_after": None, "problems": (), "last_error": None}
    vars(error).update(lost, status=parts["status"], transient=parts["transient"])
    return error


def _optional(field: Any, kind: Any) -> Any:
    """The schema of a field, which may be left out if it has a default."""
    from pydantic_core import core_schema as core  # noqa: PLC0415 - as above

    if field.default is attrs.NOTHING:
        return kind
    if hasattr(field.default, "factory"):
        return core.with_default_schema(kind, default_factory=field.default.factory)
    return core.with_default_schema(kind, default=field.default)
