"""A schema for pydantic, and so for FastAPI. pydantic asks for it; nothing here needs pydantic."""

from __future__ import annotations

from typing import Any

import attrs

from partoo_async._internal.read_only import read_only

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


class Model:
    """Base of frozen attrs classes that ``TypeAdapter(...)`` and FastAPI's response types accept."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, _: object, handler: Any) -> Any:
        from pydantic_core import core_schema as core  # noqa: PLC0415 - whoever calls this has it

        model: Any = attrs.resolve_types(cls)  # type: ignore[type-var]  # each subclass is one of attrs
        fields = attrs.fields(model)
        types = {field.name: handler.generate_schema(field.type) for field in fields}
        arguments = [core.dataclass_field(field.name, _optional(field, types[field.name])) for field in fields]
        # By itself, pydantic serializes only dataclasses of the standard library.
        parts = core.typed_dict_schema({name: core.typed_dict_field(kind) for name, kind in types.items()})
        return core.dataclass_schema(
            model,
            core.dataclass_args_schema(cls.__name__, arguments),
            list(types),
            ref=f"{cls.__module__}.{cls.__qualname__}:{id(cls)}",
            slots=True,
            frozen=True,
            serialization=core.plain_serializer_function_ser_schema(
                lambda value: {name: getattr(value, name) for name in types}, return_schema=parts
            ),
        )


def _optional(field: Any, kind: Any) -> Any:
    """The schema of a field, which may be left out if it has a default."""
    from pydantic_core import core_schema as core  # noqa: PLC0415 - as above

    if field.default is attrs.NOTHING:
        return kind
    if hasattr(field.default, "factory"):
        return core.with_default_schema(kind, default_factory=field.default.factory)
    return core.with_default_schema(kind, default=field.default)
