"""What a portfolio manager sees of a portfolio on the efficient frontier, and can set."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

import numpy as np

from cryptick.components import Column, Components, Level
from cryptick.frontier import Band, Cloud, Frontier, PlannedOrder, Portfolio, RebalancePlan
from cryptick.frontier.portfolio import percent
from cryptick.metrics import FloatArray
from exchange_wrapper.numbers import format_amount
from exchange_wrapper.terms import Side
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["PortfolioView", "count_orders", "order_words"]

_SAMPLE_NS: Final = 60 * SECOND
_MOVED_MIN: Final = 0.001
"""A weight that has moved by less is no new point of the path."""

_PATH_MAX: Final = 2_000
_STEP: Final = Decimal("0.01")
_HUNDRED: Final = Decimal(100)
_CONFIRM_MAX: Final = 200


class PortfolioView:
    """The components of one portfolio.

    Parameters
    ----------
    components : Components
    currencies : sequence of str
        Of the mix, the quote currency last.
    """

    def __init__(self, components: Components, currencies: Sequence[str]) -> None:
        self.currencies = tuple(currencies)
        self._path: list[tuple[UtcNs, FloatArray]] = []
        self._next_sample = UtcNs(0)
        self._target: tuple[UtcNs, dict[str, Decimal]] | None = None
        self._has_frontier = False
        make, quote = components, self.currencies[-1]
        self._status = make.table(
            "status", title="Portfolio", columns=(Column("what", "text"), Column("value", "text"))
        )
        self._chart = make.frontier(
            title="Efficient frontier", currencies=self.currencies, period="year"
        )
        self._preview = make.table(
            "preview",
            title="Preview",
            columns=(
                Column("preview", "text"),
                Column("side", "text"),
                Column("exchange", "text"),
                Column("pair", "text"),
                Column("size", "amount"),
                Column("price", "amount"),
                Column("notional", "amount", quote),
                Column("fee", "amount", quote),
                Column("weight_before", "amount"),
                Column("weight_after", "amount"),
                Column("words", "text"),
            ),
        )
        self.confirm = make.button("confirm", title="Trade as previewed", confirm=_NOTHING)
        self._sliders = {
            name: make.slider(
                f"weight-{name.lower()}",
                title=f"Share of {name}",
                unit="%",
                minimum=Decimal(0),
                maximum=_HUNDRED,
                step=_STEP,
                value=_HUNDRED if name == quote else Decimal(0),
            )
            for name in self.currencies
        }
        make.button("maximum-sharpe", title="Preview the maximum Sharpe ratio")
        make.button("minimum-variance", title="Preview the minimum variance")
        make.button("preview-again", title="Preview again at present prices")
        make.button("pause", title="Pause trading")
        make.button("resume", title="Go on trading")
        make.button("stop", title="Stop trading", confirm="Stop trading and keep what is held now?")
        self._weights = make.line(
            "weights", title="Weights over time", series=self.currencies, label="share", unit="%"
        )
        self._points = make.table(
            "points", title="Points of the frontier", columns=_point_columns(self.currencies)
        )
        self._orders = make.order_table()
        self._log = make.text_log("log", title="What happens")

    def say(self, text: str, level: Level = "info") -> None:
        """Add a line to the log."""
        self._log.write(text, level)

    def show_status(self, rows: Mapping[str, str]) -> None:
        """Show how things stand."""
        self._status.replace(rows.items())

    def show_frontier(
        self,
        time: UtcNs,
        frontier: Frontier,
        points: Sequence[Portfolio],
        cloud: Cloud | None,
        band: Band | None,
    ) -> None:
        """Show new estimates; the path that was walked stays.

        Parameters
        ----------
        time : UtcNs
        frontier : Frontier
        points : sequence of Portfolio
            Of the frontier, as a post names them by their row.
        cloud : Cloud, optional
        band : Band, optional
            Of the points.
        """
        moments, best = frontier.moments, frontier.maximum_sharpe
        self._chart.replace(
            time=time,
            expected_returns=moments.expected_returns,
            covariance=moments.covariance,
            risk_free=frontier.risk_free_rate,
            frontier=np.array([point.weights for point in points]),
            minimum_variance=frontier.minimum_variance.weights,
            maximum_sharpe=None if best is None else best.weights,
            cloud=None if cloud is None else cloud.weights,
        )
        self._has_frontier = True
        for at, weights in self._path:
            self._chart.move(at, weights)
        if self._target is not None:
            self._chart.aim(*self._target)
        ends = (
            [(None,) * 4] * len(points)
            if band is None
            else np.column_stack(
                (band.risk_low, band.risk_high, band.return_low, band.return_high)
            ).tolist()
        )
        self._points.replace(
            (number, point.risk, point.expected_return, point.sharpe, *end, *point.weights.tolist())
            for number, (point, end) in enumerate(zip(points, ends, strict=True))
        )

    def move(self, time: UtcNs, weights: Mapping[str, float], *, always: bool = False) -> None:
        """Add what is held to the path; if it has hardly moved only ``always``."""
        self._next_sample = UtcNs(time + _SAMPLE_NS)
        row = np.array([weights.get(name, 0.0) for name in self.currencies])
        if self._path and not always and np.abs(row - self._path[-1][1]).max() < _MOVED_MIN:
            return
        if len(self._path) == _PATH_MAX:  # older points become sparse, the newest stay
            self._path = self._path[: _PATH_MAX // 2 : 2] + self._path[_PATH_MAX // 2 :]
        self._path.append((time, row))
        if self._has_frontier:
            self._chart.move(time, row)
        self._weights.append(time, *(100.0 * row).tolist())

    def is_due(self, time: UtcNs) -> bool:
        """Tell whether a minute has passed since the last point of the path."""
        return time >= self._next_sample

    def aim(self, time: UtcNs, weights: Mapping[str, Decimal]) -> None:
        """Show a target, on the frontier and on the sliders."""
        self._target = time, dict(weights)
        if self._has_frontier:
            self._chart.aim(time, self._target[1])
        for name, slider in self._sliders.items():
            slider.move((_HUNDRED * weights.get(name, Decimal(0))).quantize(_STEP))

    def shares(self, moved: str) -> dict[str, Decimal]:
        """Return the weights of the sliders after one was moved: the others share the rest.

        They keep their proportions; where all of them are 0 the rest is the quote currency's, or
        where that one was moved equal shares of the others'.
        """
        name = next(name for name, slider in self._sliders.items() if slider.id == moved)
        others = {other: s.value for other, s in self._sliders.items() if other != name}
        value = self._sliders[name].value
        if not any(others.values()):
            quote = self.currencies[-1]
            others = {other: Decimal(quote in (name, other)) for other in others}
        total, rest = sum(others.values()), _HUNDRED - value
        scaled = {other: rest * share / total / _HUNDRED for other, share in others.items()}
        return {each: scaled.get(each, value / _HUNDRED) for each in self.currencies}

    def show_preview(self, id: str, plan: RebalancePlan) -> None:
        """Show what would be traded, and offer it for confirmation."""
        self._preview.replace(
            (
                id,
                order.side.value,
                order.exchange,
                order.pair,
                order.size,
                order.price,
                order.notional,
                order.fee,
                plan.weights_before[order.terms.pair.base],
                plan.weights_after[order.terms.pair.base],
                order_words(order, plan),
            )
            for order in plan.orders
        )
        question = (
            f"Send {count_orders(plan)} for about {plan.turnover:,.2f} {plan.currency}, "
            f"fees ≈ {plan.fees:,.2f} {plan.currency}?"
        )
        self.confirm.offer(question[:_CONFIRM_MAX], id)

    def drop_preview(self) -> None:
        """Show no preview any more."""
        if self.confirm.format.options["press"]:
            self._preview.replace(())
            self.confirm.offer(_NOTHING)


_NOTHING: Final = "There is nothing to confirm: choose a target first."


def order_words(order: PlannedOrder, plan: RebalancePlan) -> str:
    """Return an order as a person would say it, with what it costs and moves."""
    base, quote = order.terms.pair.base, order.terms.pair.quote
    verb = "Buy" if order.side is Side.BUY else "Sell"
    before, after = plan.weights_before[base], plan.weights_after[base]
    return (
        f"{verb} {format_amount(order.size)} {base} on {order.exchange} at about "
        f"{format_amount(order.price)} {quote} ({order.notional:,.2f} {quote}, fee ≈ "
        f"{order.fee:,.2f} {quote}): {base} from {percent(float(before))} to "
        f"{percent(float(after))}"
    )


def count_orders(plan: RebalancePlan) -> str:
    """Return how many orders a plan has, in words: ``1 order``."""
    count = len(plan.orders)
    return "1 order" if count == 1 else f"{count} orders"


def _point_columns(currencies: Sequence[str]) -> tuple[Column, ...]:
    figures = (
        "risk",
        "return",
        "sharpe",
        "risk_low",
        "risk_high",
        "return_low",
        "return_high",
    )
    return (
        Column("point"),
        *(Column(name) for name in figures),
        *(Column(f"weight_{name}") for name in currencies),
    )
