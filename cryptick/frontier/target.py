"""What a portfolio is to become: a point of the frontier by a rule, or weights; and its bounds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal, Self

from cryptick.frontier.efficient import Frontier
from cryptick.frontier.portfolio import Portfolio, exact_weights, percent
from exchange_wrapper.errors import ApiUsageError, NoData
from exchange_wrapper.numbers import LEDGER, ZERO, parse_amount

__all__ = ["Target", "check_bounds", "parse_bounds"]

Rule = Literal["maximum-sharpe", "minimum-variance", "return", "risk", "weights"]

_ONE: Final = Decimal(1)
_SUM_TOLERANCE: Final = Decimal("1E-9")
_DECIMALS: Final = 9


@dataclass(frozen=True, slots=True)
class Target:
    """A mix to reach. A rule names another mix whenever the frontier is estimated anew.

    Attributes
    ----------
    text : str
        For people: how it was asked for.
    rule : str
    level : float
        Return or risk per year, as a fraction, of those two rules.
    weights : mapping of str to Decimal
        Of the rule ``weights``: by currency, each ≥ 0, with the sum 1; one left out has 0.
    """

    text: str
    rule: Rule
    level: float = 0.0
    weights: Mapping[str, Decimal] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``maximum-sharpe``, ``minimum-variance``, ``return=80%``, ``risk=0.4`` or weights.

        Weights are written as ``weights=BTC:0.4,ETH:60%``.

        Raises
        ------
        ApiUsageError
            It is none of these.
        """
        name, equals, value = text.partition("=")
        if name in ("maximum-sharpe", "minimum-variance") and not equals:
            return cls(text, name)  # type: ignore[arg-type]
        if name in ("return", "risk") and value:
            return cls(text, name, float(_fraction(value, name)))  # type: ignore[arg-type]
        if name == "weights" and value:
            return cls.of_weights(_by_currency(value.split(","), "weight"), text)
        raise ApiUsageError(
            f"{text!r} is no target: give maximum-sharpe, minimum-variance, return=80%, risk=40% "
            "or weights=BTC:0.4,ETH:0.6",
            field="target",
        )

    @classmethod
    def of_weights(cls, weights: Mapping[str, Decimal], text: str) -> Self:
        """Return the target of these weights, which sum to 1 within 1e-9.

        Raises
        ------
        ApiUsageError
            A negative weight or another sum.
        """
        total = ZERO
        for name, weight in weights.items():
            if weight < 0:
                raise ApiUsageError(f"the weight of {name} can't be {weight}", field="target")
            total = LEDGER.add(total, weight)
        if abs(LEDGER.subtract(total, _ONE)) > _SUM_TOLERANCE:
            raise ApiUsageError(f"the weights sum to {total:f}, not to 1", field="target")
        exact = exact_weights([float(weight) for weight in weights.values()], _DECIMALS)
        return cls(text, "weights", weights=dict(zip(weights, exact, strict=True)))

    def resolve(self, frontier: Frontier | None) -> dict[str, Decimal]:
        """Return weights by currency that sum to exactly 1.

        Parameters
        ----------
        frontier : Frontier, optional
            Only weights can do without.

        Raises
        ------
        NoData
            The rule needs a frontier.
        ApiUsageError
            The frontier has no such portfolio.
        """
        if self.rule == "weights":
            return dict(self.weights)
        if frontier is None:
            raise NoData(f"{self.text} needs a frontier, and there is none yet", field="target")
        found = self._point(frontier).exact_weights(_DECIMALS)
        return dict(zip(frontier.moments.currencies, found, strict=True))

    def _point(self, frontier: Frontier) -> Portfolio:
        least, most = frontier.minimum_variance, frontier.maximum_return
        if self.rule == "minimum-variance":
            return least
        if self.rule == "maximum-sharpe":
            if frontier.maximum_sharpe is None:
                raise ApiUsageError(
                    "there is no maximum Sharpe ratio: no mix returns more than the risk-free "
                    f"rate of {percent(frontier.risk_free_rate)} per year",
                    field="target",
                )
            return frontier.maximum_sharpe
        if self.rule == "return":
            if self.level > most.expected_return:
                raise ApiUsageError(
                    f"no mix returns {percent(self.level)} per year, the most is "
                    f"{percent(most.expected_return)}",
                    field="target",
                )
            return frontier.at_return(self.level)
        if self.level < least.risk:
            raise ApiUsageError(
                f"no mix has a risk of {percent(self.level)} per year, the least is "
                f"{percent(least.risk)}",
                field="target",
            )
        return frontier.at_risk(self.level)


def parse_bounds(texts: Iterable[str]) -> dict[str, tuple[float, float]]:
    """Read least and largest weights such as ``BTC:0.1-0.4`` or ``BTC:10%-40%``.

    Raises
    ------
    ApiUsageError
        A text of another form, a currency twice, or bounds not within 0 ≤ least ≤ most ≤ 1.
    """
    found: dict[str, tuple[float, float]] = {}
    for text in texts:
        name, _, span = text.partition(":")
        least, dash, most = span.partition("-")
        if not (name.isalnum() and dash):
            raise ApiUsageError(f"{text!r} are no bounds such as BTC:10%-40%", field="bounds")
        if name.upper() in found:
            raise ApiUsageError(f"there are two bounds of {name.upper()}", field="bounds")
        low, high = _fraction(least, "bounds"), _fraction(most, "bounds")
        if not ZERO <= low <= high <= _ONE:
            raise ApiUsageError(
                f"the bounds {text} are not within 0 ≤ least ≤ most ≤ 1", field="bounds"
            )
        found[name.upper()] = float(low), float(high)
    return found


def check_bounds(weights: Mapping[str, Decimal], bounds: Mapping[str, tuple[float, float]]) -> None:
    """Refuse weights that are outside their bounds by more than 1e-9.

    Raises
    ------
    ApiUsageError
        The sentence names the first one.
    """
    for name, (least, most) in bounds.items():
        weight = float(weights.get(name, ZERO))
        if not least - 1e-9 <= weight <= most + 1e-9:
            raise ApiUsageError(
                f"{percent(weight)} of {name} are outside its bounds, {percent(least)} to "
                f"{percent(most)}",
                field="weights",
            )


def _by_currency(texts: Iterable[str], what: str) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for text in texts:
        name, colon, value = (part.strip() for part in text.partition(":"))
        if not (name.isalnum() and colon):
            raise ApiUsageError(f"{text!r} is no {what} such as BTC:0.4", field="target")
        if name.upper() in found:
            raise ApiUsageError(f"{name.upper()} has two weights", field="target")
        found[name.upper()] = _fraction(value, f"the {what} of {name.upper()}")
    return found


def _fraction(text: str, field: str) -> Decimal:
    """Return 0.4 of ``0.4`` and of ``40%``."""
    text = text.strip()
    number = parse_amount(text.removesuffix("%"), field)
    return number.scaleb(-2) if text.endswith("%") else number
