"""What may be written in a strategy: names with their signatures and first sentences."""

import inspect
import re
from collections.abc import Callable
from typing import Final, Literal, get_type_hints

import msgspec

from cryptick import messages
from cryptick.components import Components
from cryptick.strategy import Strategy, param

__all__ = ["Word", "words"]

_ATTRIBUTE: Final = re.compile(
    r"^(\w+) : (.+)\n    (.+)$", re.MULTILINE
)  # of a docstring's section
_ENUM: Final = re.compile(r"<([\w.]+): [^>]*>")  # how a default of an enumeration is shown


class Word(msgspec.Struct, frozen=True):
    """A name that can be completed.

    Attributes
    ----------
    label : str
    after : str
        What it is written after: ``self.``, ``self.components.``, ``bar.``, …, or nothing.
    kind : str
    signature : str
        Such as ``(pair, size, exchange=None)``; empty of an attribute.
    text : str
        What it does or is, in a sentence.
    module : str
        Where it is imported from; empty where nothing has to be.
    """

    label: str
    after: str
    kind: Literal["method", "attribute", "class", "function"]
    signature: str = ""
    text: str = ""
    module: str = ""


def words() -> list[Word]:
    """Return all words of the interface for strategies."""
    return [
        *_attributes(Strategy, "self."),
        *_members(Strategy, "self."),
        *_members(Components, "self.components."),
        *_heard(),
        Word("Strategy", "", "class", "", _first(Strategy), "cryptick.strategy"),
        Word("param", "", "function", _signature(param), _first(param), "cryptick.strategy"),
        *(
            Word(name, "", "class", "", _first(each), messages.__name__)
            for name, each in inspect.getmembers(messages, inspect.isclass)
            if name in messages.__all__
        ),
    ]


def _attributes(owner: type, after: str) -> list[Word]:
    section = (inspect.getdoc(owner) or "").partition("Attributes\n----------\n")[2]
    return [
        Word(name, after, "attribute", f": {kind}", text)
        for name, kind, text in _ATTRIBUTE.findall(section)
    ]


def _heard() -> list[Word]:
    """Return the fields of what each callback hears, after the name it has there."""
    found = []
    for name, callback in inspect.getmembers(Strategy, inspect.isfunction):
        for heard, kind in get_type_hints(callback).items() if name.startswith("on_") else ():
            if heard != "return" and inspect.isclass(kind):
                fields = {field: "" for field in getattr(kind, "__struct_fields__", ())}
                named = {word.label: word for word in _attributes(kind, f"{heard}.")}
                fields |= {label: "" for label in named}
                found += [
                    named.get(field, Word(field, f"{heard}.", "attribute")) for field in fields
                ]
                found += [
                    Word(label, f"{heard}.", "attribute", "", _first(member))
                    for label, member in inspect.getmembers(kind, _is_property)
                    if label not in fields
                ]
                found += _members(kind, f"{heard}.", inspect.isfunction)
    return found


def _is_property(member: object) -> bool:
    return isinstance(member, property)


def _members(owner: type, after: str, wanted: Callable[[object], bool] = callable) -> list[Word]:
    return [
        Word(name, after, "method", _signature(member), _first(member))
        for name, member in inspect.getmembers(owner, wanted)
        if not name.startswith("_") and not inspect.isclass(member)
    ]


def _signature(function: object) -> str:
    signature = inspect.signature(function)  # type: ignore[arg-type]
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
        if parameter.name not in ("self", "cls")
    ]
    plain = signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)
    return _ENUM.sub(r"\1", str(plain))


def _first(member: object) -> str:
    return (inspect.getdoc(member) or "").partition("\n")[0]
