"""The components through which a user tells a strategy something."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from cryptick.components.format import Format, check_text
from cryptick.components.posts import read_number
from cryptick.components.writing import Writer
from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.numbers import format_amount, parse_amount

__all__ = ["Button", "Input", "NumberInput", "SelectInput", "choice_options", "range_options"]

_CHOICES_MAX = 1_000


class Input:
    """A component that holds what its user set last.

    Parameters
    ----------
    writer : Writer
    changed : callable
        Hears that the format has changed.
    """

    def __init__(self, writer: Writer, changed: Callable[[Writer], None]) -> None:
        self._writer = writer
        self._changed = changed

    @property
    def id(self) -> str:
        """The name of the component."""
        return self._writer.format.id

    @property
    def format(self) -> Format:
        """The format, with the present value."""
        return self._writer.format


class NumberInput(Input):
    """A slider or a field for a number."""

    @property
    def value(self) -> Decimal:
        """The present number."""
        text: Any = self.format.value
        return Decimal(text)

    def move(self, value: Decimal) -> None:
        """Show another number, as when something else has set it.

        Raises
        ------
        ApiUsageError
            It is not within the range or not on a step.
        """
        held = format_amount(read_number(self.format, value))
        if held != self.format.value:
            self._writer.set_value(held)
            self._changed(self._writer)


class SelectInput(Input):
    """A choice from a list."""

    @property
    def value(self) -> str:
        """The present choice."""
        choice: Any = self.format.value
        return str(choice)


class Button(Input):
    """Something to do; each press comes as `Pressed`."""

    def offer(self, confirm: str, press: str = "") -> None:
        """Change what the page asks before it sends a press, and which name it gives to it.

        Parameters
        ----------
        confirm : str
            One line; empty to ask nothing.
        press : str
            What the press is about, such as the number of a preview, so that one that comes too
            late can be told from one for what is shown now. Empty for any name.
        """
        options: dict[str, object] = {
            "confirm": check_text(confirm, f"{self.id}: confirm", empty=True),
            "press": check_text(press, f"{self.id}: press", empty=True),
        }
        if options != self.format.options:
            self._writer.set_options(options)
            self._changed(self._writer)


def range_options(
    id: str, minimum: Decimal | None, maximum: Decimal | None, step: Decimal | None, unit: str
) -> dict[str, object]:
    """Return the options of a number, as decimal strings.

    Raises
    ------
    ApiUsageError
        The range is empty, or the step not above 0.
    """
    bounds = {"minimum": minimum, "maximum": maximum, "step": step}
    for name, bound in bounds.items():
        if bound is not None:
            parse_amount(bound, f"{id}: {name}")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise ApiUsageError(f"{id}: minimum {minimum} is above maximum {maximum}")
    if step is not None and step <= 0:
        raise ApiUsageError(f"{id}: step must be above 0, not {step}")
    shown = {name: None if b is None else format_amount(b) for name, b in bounds.items()}
    return {**shown, "unit": check_text(unit, f"{id}: unit", empty=True)}


def choice_options(id: str, choices: Sequence[str]) -> dict[str, object]:
    """Return the options of a select input.

    Raises
    ------
    ApiUsageError
        No choice, too many, one of them twice, or one that can't be shown.
    """
    checked = [check_text(choice, f"{id}: a choice") for choice in choices]
    if not 0 < len(checked) <= _CHOICES_MAX or len(set(checked)) < len(checked):
        raise ApiUsageError(f"{id}: give 1 to {_CHOICES_MAX} different choices")
    return {"choices": checked}
