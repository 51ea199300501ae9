"""What a user sends to a component, checked against its format."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from cryptick.components.format import Format
from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.numbers import LEDGER, ZERO, format_amount, parse_amount

__all__ = [
    "NumberEntered",
    "Posted",
    "Pressed",
    "Selected",
    "SliderMoved",
    "TargetChosen",
    "held_value",
    "read_number",
    "read_post",
]

_SUM_TOLERANCE: Final = Decimal("1E-9")
_INTEGER_BITS_MAX: Final = 128
_PRESS_MAX: Final = 64


class SliderMoved(msgspec.Struct, frozen=True):
    """A slider stands at ``value``."""

    component: str
    value: Decimal


class NumberEntered(msgspec.Struct, frozen=True):
    """A number input holds ``value``."""

    component: str
    value: Decimal


class Selected(msgspec.Struct, frozen=True):
    """A select input stands at ``choice``."""

    component: str
    choice: str


class Pressed(msgspec.Struct, frozen=True):
    """A button was pressed. The page names each press, so that one sent twice counts once."""

    component: str
    press: str


class TargetChosen(msgspec.Struct, frozen=True):
    """A portfolio was chosen on a frontier.

    Attributes
    ----------
    component : str
    weights : mapping of str to Decimal
        Of each currency of the component, in its order; not negative, summing to 1 within 1e-9.
    point : int or None
        Row of the exact frontier that was picked, None for a mix of the user's own.
    """

    component: str
    weights: Mapping[str, Decimal]
    point: int | None


Posted = SliderMoved | NumberEntered | Selected | Pressed | TargetChosen


def read_post(format: Format, value: object) -> Posted:
    """Return what a user's value means for a component.

    Parameters
    ----------
    format : Format
    value : object
        As JSON has it: a number or decimal text for a slider and a number input, a choice, the
        name of a press, or ``{"weights": {"BTC": "0.4", …}, "point": 17}``.

    Raises
    ------
    ApiUsageError
        The component takes no such value; the sentence says which it takes.
    """
    read = _READERS.get(format.kind)
    if read is None:
        raise _refusal(format, f"is a {format.kind} and takes no input")
    return read(format, value)


def held_value(posted: Posted) -> object:
    """Return the JSON form of what a component holds after a post."""
    match posted:
        case SliderMoved() | NumberEntered():
            return format_amount(posted.value)
        case Selected():
            return posted.choice
        case Pressed():
            return posted.press
        case TargetChosen():
            weights = {name: format_amount(weight) for name, weight in posted.weights.items()}
            return {"weights": weights, "point": posted.point}


def read_number(format: Format, value: object) -> Decimal:
    """Return a number within the format's ``minimum`` and ``maximum`` and on its ``step``.

    Raises
    ------
    ApiUsageError
        It is none.
    """
    number = _decimal(format, "its value", repr(value) if isinstance(value, float) else value)
    low, high, step = (_option(format, name) for name in ("minimum", "maximum", "step"))
    if (low is not None and number < low) or (high is not None and number > high):
        raise _refusal(format, f"takes {_range(low, high)}, not {_shown(value)}")
    if step is not None and LEDGER.remainder(LEDGER.subtract(number, low or ZERO), step):
        start = f" from {format_amount(low)} on" if low else ""
        raise _refusal(format, f"takes steps of {format_amount(step)}{start}, not {_shown(value)}")
    return number


def _slider(format: Format, value: object) -> Posted:
    return SliderMoved(format.id, read_number(format, value))


def _number(format: Format, value: object) -> Posted:
    return NumberEntered(format.id, read_number(format, value))


def _select(format: Format, value: object) -> Posted:
    choices: Any = format.options["choices"]
    if not isinstance(value, str) or value not in choices:
        allowed = ", ".join(choices[:10]) + (" …" if len(choices) > 10 else "")
        raise _refusal(format, f"takes one of {allowed}, not {_shown(value)}")
    return Selected(format.id, value)


def _button(format: Format, value: object) -> Posted:
    if not isinstance(value, str) or not 0 < len(value) <= _PRESS_MAX or not value.isprintable():
        raise _refusal(
            format,
            f"takes the name of a press, a text of 1 to {_PRESS_MAX} characters, "
            f"not {_shown(value)}",
        )
    return Pressed(format.id, value)


def _frontier(format: Format, value: object) -> Posted:
    if not isinstance(value, dict) or not isinstance(value.get("weights"), dict):
        raise _refusal(format, f"takes an object with weights by currency, not {_shown(value)}")
    if unknown := value.keys() - {"weights", "point"}:
        raise _refusal(format, f"takes weights and point, not {_shown(unknown.pop())}")
    currencies: Any = format.options["currencies"]
    given: dict[object, object] = value["weights"]
    for name in given:
        if name not in currencies:
            known = ", ".join(currencies)
            raise _refusal(format, f"has no currency {_shown(name)}; it has {known}")
    weights = {}
    for name in currencies:
        weight = given.get(name, "0")
        weights[name] = _decimal(format, f"the weight of {name}", weight)
        if weights[name] < 0:
            raise _refusal(format, f"takes no negative weight, but {name} has {_shown(weight)}")
    total = ZERO
    for weight in weights.values():
        total = LEDGER.add(total, weight)
    if abs(LEDGER.subtract(total, Decimal(1))) > _SUM_TOLERANCE:
        raise _refusal(format, f"takes weights that sum to 1, not to {format_amount(total)}")
    return TargetChosen(format.id, weights, _point(format, value.get("point")))


def _point(format: Format, point: object) -> int | None:
    points: Any = format.options["points"]
    if point is None:
        return None
    if isinstance(point, bool) or not isinstance(point, int) or not 0 <= point < points:
        raise _refusal(format, f"has points 0 to {points - 1} to choose, not {_shown(point)}")
    return point


_READERS: Final[dict[str, Callable[[Format, object], Posted]]] = {
    "slider": _slider,
    "number": _number,
    "select": _select,
    "button": _button,
    "frontier": _frontier,
}


def _option(format: Format, name: str) -> Decimal | None:
    text: Any = format.options.get(name)
    return None if text is None else Decimal(text)


def _decimal(format: Format, what: str, value: object) -> Decimal:
    small = not isinstance(value, int) or value.bit_length() <= _INTEGER_BITS_MAX
    try:
        if isinstance(value, str | int | Decimal) and small:
            return parse_amount(value, what)
    except ApiUsageError as error:
        raise _refusal(format, f"can't take {_shown(value)}: {error.message}") from None
    raise _refusal(format, f'takes {what} as a decimal such as "0.25", not {_shown(value)}')


def _range(low: Decimal | None, high: Decimal | None) -> str:
    if low is None:
        assert high is not None
        return f"at most {format_amount(high)}"
    if high is None:
        return f"at least {format_amount(low)}"
    return f"{format_amount(low)} to {format_amount(high)}"


def _shown(value: object) -> str:
    """Return a value from outside for a sentence: short, on one line, whatever it is."""
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:40] + "…")
    if isinstance(value, int) and value.bit_length() > _INTEGER_BITS_MAX:
        return "a number that long"
    if value is None or isinstance(value, int | float | Decimal):
        return str(value)[:40]
    return "an object" if isinstance(value, dict) else "a list"


def _refusal(format: Format, complaint: str) -> ApiUsageError:
    return ApiUsageError(f"component {format.id} {complaint}", field=format.id)
