"""What users call, a class for each kind of object: a method sends an operation, or walks over pages of them."""

from typing import TYPE_CHECKING, Any

from partoo_async.resources.attributes import Resources
from partoo_async.resources.sections import Groups, Sections

if TYPE_CHECKING:
    from partoo_async.resources.businesses import Businesses

__all__ = ["Businesses", "Groups", "Resources", "Sections"]

if not TYPE_CHECKING:  # which would take any name for one of this package

    def __getattr__(name: str) -> Any:
        # Programs that read no businesses do not wait for what they need.
        if name == "Businesses":
            from partoo_async.resources.businesses import Businesses  # noqa: PLC0415 - see above

            return Businesses
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
