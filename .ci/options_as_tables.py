"""Shows what a class of options takes as a table with defaults, like the arguments of a function; for mkdocstrings.

attrs makes the constructors, so that none is in the source. A class that says what it ``Raises``, or lists no
``Attributes``, is one that users make, and so are the emulator's data; the others are results, which are only read.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

# Taken by tests and by other rooms of the package, not by users.
INTERNAL = {"Quota": ("backend", "chance")}


def _default_of(value: Any) -> Any:
    """The default of a field: the value itself, or what the call that makes the field is given."""
    if not isinstance(value, griffe.ExprCall):
        return value
    function = str(value.function)
    if function.startswith("_"):  # one of ours for a choice, the default first
        return value.arguments[0]
    if function != "field":
        return value
    given = {part.name: part.value for part in value.arguments if isinstance(part, griffe.ExprKeyword)}
    return f"{given['factory']}()" if "factory" in given else given.get("default")


def _is_made_by_users(cls: griffe.Class) -> bool:
    decorators = {str(decorator.value).partition("(")[0] for decorator in cls.decorators}
    text = cls.docstring.value if cls.docstring else ""
    says_so = "Attributes:" not in text or "Raises:" in text or cls.name.startswith("Emulated")
    return bool(decorators & {"frozen", "define"}) and (says_so or "__init__" in cls.members)


def _forget(cls: griffe.Class, name: str) -> None:
    constructor = cls.members["__init__"]
    if isinstance(constructor, griffe.Function) and cls.docstring:
        del constructor.parameters[name]
        cls.docstring.value = re.sub(rf"\n    {name}: .*(\n      .*)*", "", cls.docstring.value)


class OptionsAsTables(griffe.Extension):
    """Gives such a class the constructor that attrs will make."""

    def on_class(self, *, cls: griffe.Class, **_: Any) -> None:
        """Add the constructor, and let the docstring speak of arguments."""
        for name in INTERNAL.get(cls.name, ()):
            _forget(cls, name)
        if not _is_made_by_users(cls):
            return
        fields = [one for one in cls.members.values() if isinstance(one, griffe.Attribute)]
        parameters = [
            griffe.Parameter(
                one.name,
                annotation=one.annotation,
                kind=griffe.ParameterKind.positional_or_keyword,
                default=_default_of(one.value),
            )
            for one in fields
            if one.annotation and not one.name.startswith("_") and "property" not in one.labels
        ]
        itself = griffe.Parameter("self", kind=griffe.ParameterKind.positional_or_keyword)
        if "__init__" not in cls.members:
            made = griffe.Function("__init__", parameters=griffe.Parameters(itself, *parameters))
            cls.set_member("__init__", made)
        if cls.docstring:
            text = cls.docstring.value.replace("Attributes:", "Args:")
            # The column of defaults says so.
            cls.docstring.value = re.sub(r",\s+[\w.]+ by default(?=[.:;])", "", text)

    def on_function(self, *, func: griffe.Function, **_: Any) -> None:
        """Leave the names of keywords to the description, instead of naming a private class."""
        for parameter in func.parameters:
            if str(parameter.annotation).startswith("Unpack["):
                parameter.annotation = "Any"

    def on_attribute(self, *, attr: griffe.Attribute, **_: Any) -> None:
        """Leave out what an ``Annotated`` type says to the decoder."""
        annotation = attr.annotation
        if isinstance(annotation, griffe.ExprSubscript) and str(annotation.left) == "Annotated":
            attr.annotation = annotation.slice.elements[0]
