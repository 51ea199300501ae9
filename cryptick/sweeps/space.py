"""What a sweep searches: values of parameters, checked against the strategy's own declarations."""

import itertools
import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from cryptick.errors import UsageError
from cryptick.parameters import read_field
from cryptick.request import make_params
from cryptick.strategy import Strategy
from exchange_wrapper.errors import ApiUsageError

if TYPE_CHECKING:
    import optuna

__all__ = ["Choices", "Dimension", "Interval", "Point", "Space", "parse_grid", "parse_range"]

POINTS_MAX: Final = 100_000
_DRAWS_PER_POINT: Final = 100

Point = Mapping[str, str]
"""One text for each parameter that is searched, by flag."""


@dataclass(frozen=True)
class Choices:
    """Values that are all tried.

    Attributes
    ----------
    flag : str
    texts : tuple of str
        At least one, none twice.
    """

    flag: str
    texts: tuple[str, ...]

    def pick(self, chance: random.Random) -> str:
        """Return one by chance."""
        return chance.choice(self.texts)

    def suggest(self, trial: "optuna.Trial") -> str:
        """Return the one that a study suggests."""
        return str(trial.suggest_categorical(self.flag, self.texts))


@dataclass(frozen=True)
class Interval:
    """Numbers from ``low`` to ``high``, both included.

    Attributes
    ----------
    log : bool
        Whether each order of magnitude is as likely as the next.
    whole : bool
        Whether only whole numbers count.
    """

    flag: str
    low: Decimal
    high: Decimal
    log: bool
    whole: bool

    def pick(self, chance: random.Random) -> str:
        """Return one by chance."""
        low, high = float(self.low), float(self.high)
        if self.whole and not self.log:
            return str(chance.randint(int(low), int(high)))
        if not self.log:
            return self._text(chance.uniform(low, high))
        value = math.exp(chance.uniform(math.log(low), math.log(high)))
        return str(round(value)) if self.whole else self._text(value)

    def suggest(self, trial: "optuna.Trial") -> str:
        """Return the one that a study suggests."""
        if self.whole:
            return str(trial.suggest_int(self.flag, int(self.low), int(self.high), log=self.log))
        low, high = float(self.low), float(self.high)
        return self._text(trial.suggest_float(self.flag, low, high, log=self.log))

    def _text(self, value: float) -> str:
        """Return six digits of a value: more would pretend that they matter."""
        rounded = min(max(Decimal(f"{value:.6g}"), self.low), self.high)
        return format(rounded, "f")


Dimension = Choices | Interval


@dataclass(frozen=True)
class Space:
    """The points that a sweep may try.

    Attributes
    ----------
    strategy : type of Strategy
    fixed : mapping of str to str
        Parameters that are the same everywhere.
    dimensions : sequence of Dimension
        Each of another parameter.

    Raises
    ------
    UsageError
        A parameter twice, an end of an interval that the strategy does not allow, or no dimension.
    """

    strategy: type[Strategy]
    fixed: Mapping[str, str]
    dimensions: Sequence[Dimension]
    refused: set[str] = field(default_factory=set, init=False, compare=False)

    def __post_init__(self) -> None:
        if not self.dimensions:
            raise UsageError("nothing to search: give --grid name=start:stop:step or --range")
        flags = [*self.fixed, *(one.flag for one in self.dimensions)]
        for flag in flags:
            if flags.count(flag) > 1:
                raise UsageError(f"--{flag} is given twice: fix it or search it, once")
        for flag, text in self.fixed.items():
            read_field(self.strategy.Params, self.strategy.__name__, flag, text)

    def params(self, point: Point) -> Strategy.Params | None:
        """Return the parameters of a point, None where the strategy refuses the combination."""
        try:
            return make_params(self.strategy, {**self.fixed, **point})
        except (ApiUsageError, ValueError):
            self.refused.add(label(point))
            return None

    def grid(self) -> list[Point]:
        """Return all combinations that the strategy accepts, the last dimension fastest.

        Raises
        ------
        UsageError
            An interval can't be enumerated, or there are too many or none.
        """
        choices = []
        for one in self.dimensions:
            if not isinstance(one, Choices):
                raise UsageError(
                    f"--range {one.flag} has no steps: add --random N or --optuna N, or use --grid"
                )
            choices.append(one)
        total = math.prod(len(one.texts) for one in choices)
        if total > POINTS_MAX:
            raise UsageError(
                f"the grid has {total:,} combinations, more than {POINTS_MAX:,}: take larger "
                "steps, or --random N of them"
            )
        flags = [one.flag for one in choices]
        combinations = itertools.product(*(one.texts for one in choices))
        return self._accepted(dict(zip(flags, texts, strict=True)) for texts in combinations)

    def sample(self, count: int, seed: int) -> list[Point]:
        """Return different random points that the strategy accepts: ``count``, or all there are."""
        chance = random.Random(seed)
        found: dict[str, Point] = {}
        for _ in range(count * _DRAWS_PER_POINT):
            point = {one.flag: one.pick(chance) for one in self.dimensions}
            name = label(point)
            if name not in found and name not in self.refused and self.params(point):
                found[name] = point
                if len(found) == count:
                    break
        return self._accepted(found.values())

    def _accepted(self, points: "Iterator[Point] | Any") -> list[Point]:
        accepted = [point for point in points if self.params(point) is not None]
        if not accepted:
            raise UsageError(f"{self.strategy.__name__} refuses every combination of this space")
        return accepted


def label(point: Point) -> str:
    """Return a point in words: ``fast=5 slow=20``."""
    return " ".join(f"{flag}={text}" for flag, text in point.items())


def parse_grid(strategy: type[Strategy], text: str) -> Choices:
    """Read ``name=start:stop:step``, where the stop is included, or ``name=a,b,c``.

    Raises
    ------
    UsageError
        Another form, or a value that the parameter can't have.
    """
    flag, values = _named("--grid", text, "name=start:stop:step or name=a,b,c")
    if ":" in values:
        texts = _steps(flag, values)
    else:
        texts = [one.strip() for one in values.split(",") if one.strip()]
    owner = strategy.__name__
    read = (read_field(strategy.Params, owner, flag, one) for one in texts)
    written = tuple(dict.fromkeys(_written(value) for value in read))
    if not written:
        raise UsageError(f"--grid {flag} has no values")
    return Choices(flag, written)


def parse_range(strategy: type[Strategy], text: str) -> Interval:
    """Read ``name=low:high``, perhaps with ``:log`` or ``:int`` or both.

    Raises
    ------
    UsageError
        Another form, or an end that the parameter can't be.
    """
    form = "name=low:high, perhaps with :log or :int"
    flag, values = _named("--range", text, form)
    low_text, _, rest = values.partition(":")
    high_text, *marks = rest.split(":")
    if not high_text or not set(marks) <= {"log", "int"}:
        raise UsageError(f"--range {text!r} is not of the form {form}")
    low, high = _number("--range", flag, low_text), _number("--range", flag, high_text)
    owner = strategy.__name__
    ends = [read_field(strategy.Params, owner, flag, one) for one in (low_text, high_text)]
    if any(isinstance(one, bool | str | tuple) for one in ends):
        raise UsageError(f"--range is for numbers; list the values of {flag} with --grid")
    if low >= high:
        raise UsageError(f"--range {flag} must go up: {low_text} is not below {high_text}")
    if "log" in marks and low <= 0:
        raise UsageError(f"--range {flag} is logarithmic, so it must begin above 0")
    whole = "int" in marks or isinstance(ends[0], int)
    if whole and (low % 1 or high % 1):
        raise UsageError(f"--range {flag} is of whole numbers, so its ends must be whole too")
    return Interval(flag, low, high, "log" in marks, whole)


def _named(option: str, text: str, form: str) -> tuple[str, str]:
    matched = re.fullmatch(r"-{0,2}([A-Za-z][\w-]*)=(.+)", text)
    if matched is None:
        raise UsageError(f"{option} {text!r} is not of the form {form}")
    return matched[1].replace("_", "-"), matched[2]


def _steps(flag: str, values: str) -> list[str]:
    parts = values.split(":")
    if len(parts) != 3:
        raise UsageError(f"--grid {flag}={values} is not of the form {flag}=start:stop:step")
    start, stop, step = (_number("--grid", flag, part) for part in parts)
    if step <= 0:
        raise UsageError(f"--grid {flag} needs a step above 0, not {parts[2]}")
    if stop < start:
        raise UsageError(f"--grid {flag} must go up: {parts[1]} is below {parts[0]}")
    count = int((stop - start) / step) + 1
    if count > POINTS_MAX:
        raise UsageError(f"--grid {flag} has {count:,} values, more than {POINTS_MAX:,}")
    return [format(start + step * number, "f") for number in range(count)]


def _number(option: str, flag: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value) > Decimal(10**18):
        raise UsageError(f"{option} {flag}: {text!r} is not a number that can be searched")
    return value


def _written(value: object) -> str:
    """Return the text of a value, the same for the same value: ``1.50`` is ``1.5``."""
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)
