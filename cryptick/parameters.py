"""Parameters of a strategy: declared once, and from that read, checked and described."""

import dataclasses
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, get_type_hints

import msgspec

from cryptick.errors import UsageError

__all__ = [
    "Parameters",
    "describe_fields",
    "fields_by_flag",
    "from_json",
    "from_texts",
    "param",
    "range_words",
    "read_field",
]

Number = int | float | Decimal

_BOUNDS: Final = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}

_WORDS: Final[dict[object, tuple[str, str]]] = {
    str: ("string", "a text"),
    int: ("integer", "a whole number"),
    float: ("number", "a number"),
    Decimal: ("decimal", "a decimal number"),
    bool: ("boolean", "true or false"),
    tuple[str, ...]: ("strings", "texts with commas between them"),
}


def param(
    default: Any,
    *,
    help: str,
    unit: str = "",
    ge: Number | None = None,
    gt: Number | None = None,
    le: Number | None = None,
    lt: Number | None = None,
    choices: Collection[str] | None = None,
) -> Any:
    """Declare a parameter: its default, what it is for, its unit and what it may be.

    Parameters
    ----------
    default : str, int, float, Decimal, bool or tuple of str
        Used when nothing is said.
    help : str
        One line for ``--help`` and for the page.
    unit : str
        Such as ``s`` or ``USD``; empty for a plain number or name.
    ge, gt, le, lt : int, float or Decimal, optional
        It must be at least, more than, at most, less than this.
    choices : collection of str, optional
        The texts that it may be, or that it may be made of.
    """
    bounds = {"ge": ge, "gt": gt, "le": le, "lt": lt}
    return field(
        default=default,
        metadata={
            "help": help,
            "unit": unit,
            "bounds": {name: bound for name, bound in bounds.items() if bound is not None},
            "choices": None if choices is None else tuple(choices),
        },
    )


@dataclass(frozen=True)
class Parameters:
    """A set of parameters, each made with `param`.

    Raises
    ------
    UsageError
        A value is out of its range or none of its choices, however the set is made.
    """

    def __post_init__(self) -> None:
        for flag, one in fields_by_flag(type(self)).items():
            _check(flag, one, getattr(self, one.name))


def fields_by_flag(kind: type[Parameters]) -> dict[str, "dataclasses.Field[Any]"]:
    """Return the fields by the name of their flag on the command line."""
    return {one.name.replace("_", "-"): one for one in dataclasses.fields(kind)}


def from_texts(kind: type[Parameters], owner: str, given: Mapping[str, str]) -> Any:
    """Return parameters from texts by flag; what is not given has its default.

    Raises
    ------
    UsageError
        A name that ``owner`` does not have, a text of another type, or a value out of range.
    """
    return _make(kind, owner, given)


def from_json(kind: type[Parameters], owner: str, given: object) -> Any:
    """Return parameters from a JSON object by field name; texts are read as on a command line.

    Raises
    ------
    UsageError
        Not an object, a name that ``owner`` does not have, a value of another type or out of range.
    """
    if not isinstance(given, Mapping):
        raise UsageError(f"the parameters of {owner} must be an object of names and values")
    return _make(kind, owner, {str(name).replace("_", "-"): given[name] for name in given})


def read_field(kind: type[Parameters], owner: str, flag: str, text: str) -> Any:
    """Return the value of one parameter from its text, checked by itself.

    Raises
    ------
    UsageError
        A name that ``owner`` does not have, a text of another type, or a value out of range.
    """
    fields = fields_by_flag(kind)
    if flag not in fields:
        raise UsageError(f"{owner} has no parameter {flag!r}; it has {', '.join(fields)}")
    value = _read(flag, get_type_hints(kind)[fields[flag].name], text)
    _check(flag, fields[flag], value)
    return value


def describe_fields(kind: type[Parameters]) -> list[dict[str, object]]:
    """Return what a form needs to ask for each parameter, JSON-ready.

    ``type`` is string, integer, number, decimal (as text), boolean or strings. ``minimum`` and
    ``maximum`` are None without a bound; ``exclusive`` names those that are not allowed themselves.
    """
    hints = get_type_hints(kind)
    described = []
    for flag, one in fields_by_flag(kind).items():
        bounds, choices = one.metadata["bounds"], one.metadata["choices"]
        default = one.default
        form = {
            "name": one.name,
            "flag": f"--{flag}",
            "type": _WORDS[hints[one.name]][0],
            "default": list(default) if isinstance(default, tuple) else default,
            "unit": one.metadata["unit"],
            "help": one.metadata["help"],
            "minimum": bounds.get("ge", bounds.get("gt")),
            "maximum": bounds.get("le", bounds.get("lt")),
            "exclusive": [
                end for end, name in (("minimum", "gt"), ("maximum", "lt")) if name in bounds
            ],
            "choices": None if choices is None else list(choices),
        }
        described.append(msgspec.to_builtins(form))
    return described


def _make(kind: type[Parameters], owner: str, given: Mapping[str, object]) -> Parameters:
    fields, hints = fields_by_flag(kind), get_type_hints(kind)
    values: dict[str, Any] = {}
    for flag, value in given.items():
        if flag not in fields:
            raise UsageError(f"{owner} has no parameter {flag!r}; it has {', '.join(fields)}")
        name = fields[flag].name
        values[name] = _read(flag, hints[name], value)
    return kind(**values)


def _read(flag: str, kind: Any, value: object) -> Any:
    try:
        if isinstance(value, str) and kind not in (str, bool, int, float, Decimal):
            value = [word.strip() for word in value.split(",") if word.strip()]
        return msgspec.convert(value, kind, strict=not isinstance(value, str))
    except msgspec.ValidationError:
        shown = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        raise UsageError(f"--{flag} must be {_WORDS[kind][1]}, not {shown!r}") from None


def _check(flag: str, one: "dataclasses.Field[Any]", value: Any) -> None:
    unit = one.metadata["unit"]
    choices = one.metadata["choices"]
    words = value if isinstance(value, tuple) else (value,)
    if choices is not None and not set(words) <= set(choices):
        raise UsageError(f"--{flag} must be one of {', '.join(choices)}, not {', '.join(words)!r}")
    if isinstance(value, float | Decimal) and not math.isfinite(value):
        raise UsageError(f"--{flag} must be finite, not {value}")
    bounds = one.metadata["bounds"]
    inside = {
        "ge": lambda bound: value >= bound,
        "gt": lambda bound: value > bound,
        "le": lambda bound: value <= bound,
        "lt": lambda bound: value < bound,
    }
    if not all(inside[name](bound) for name, bound in bounds.items()):
        raise UsageError(f"--{flag} must be {range_words(bounds, unit)}, not {value}")


def range_words(bounds: Mapping[str, Number], unit: str) -> str:
    """Return bounds in words: ``at least 1 and less than 100 %``."""
    words = " and ".join(f"{_BOUNDS[name]} {bound}" for name, bound in bounds.items())
    return f"{words} {unit}".rstrip()
