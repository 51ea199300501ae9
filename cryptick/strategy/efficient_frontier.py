"""Hold a mix of currencies on the efficient frontier, picked by a rule or by the user."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from cryptick.components import Components, Level, Posted, Pressed, SliderMoved, TargetChosen
from cryptick.errors import UsageError
from cryptick.frontier import Frontier, RebalancePlan
from cryptick.frontier.portfolio import percent
from cryptick.frontier.target import Target, check_bounds, parse_bounds
from cryptick.messages import Bar, Fill, OrderUpdate, Quote
from cryptick.portfolio_estimate import estimate_portfolio
from cryptick.portfolio_params import PortfolioParams
from cryptick.portfolio_trading import PortfolioTrader, TradingState, same_trades
from cryptick.portfolio_view import PortfolioView, count_orders, order_words
from cryptick.strategy.base import Funded, RunContext, Strategy
from exchange_wrapper.candles import Candles, parse_freq
from exchange_wrapper.errors import NoData, XWrapError
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["EfficientFrontier"]

_DAY_S: Final = 86_400
_RETRY_S: Final = 3_600  # how often a frontier is tried while there is none
_CURRENCIES_MAX: Final = 100
_SEED_BITS: Final = 63


class EfficientFrontier(Strategy):
    """Trade towards a portfolio on the efficient frontier, and keep to it."""

    @dataclass(frozen=True)
    class Params(PortfolioParams):
        """Which currencies, how they are estimated, what is wanted and how it is traded."""

    params: Params
    components: Components

    def __init__(self, context: RunContext) -> None:
        super().__init__(context)
        if self.components is None:  # nobody can look: all the same is shown to nobody
            self.components = Components(self.hub)
            self.components.listen(self.on_input)

    @classmethod
    def pairs(cls, params: Params, funded: Funded) -> list[tuple[str, str]]:
        """Return each asset, and what else is funded, against the quote currency."""
        quote = params.currency(funded)
        assets = [asset.upper() for asset in params.assets]
        if not assets:
            return [(exchange, f"*_{quote}") for exchange in sorted(funded)]
        held = sorted({currency for wallets in funded.values() for currency in wallets})
        mix = [name for name in dict.fromkeys([*assets, *held]) if name != quote]
        params.check_names([*mix, quote])
        return [(exchange, f"{name}_{quote}") for exchange in sorted(funded) for name in mix]

    @classmethod
    def history_needed(cls, params: Params, funded: Funded) -> int:
        """Return the length of the history that is looked at, s."""
        return (params.days + 1) * _DAY_S

    def on_start(self) -> None:
        """Estimate, show, and schedule what is done again and again."""
        params = self.params
        self.currency = params.currency(self.funded)
        self.bounds = parse_bounds(params.bounds)
        self.frontier: Frontier | None = None
        self.target: Target | None = None  # what was chosen last
        self.accepted: Target | None = None  # what is traded towards, and kept to
        self.preview: RebalancePlan | None = None
        self.preview_weights: dict[str, Decimal] = {}
        self.is_pending = False  # a choice waits for prices or for a frontier
        self._previews = 0
        self._said: set[str] = set()  # why there is no frontier, each told once
        self._is_retrying = False
        self._seed = self.random.getrandbits(_SEED_BITS)
        without, markets = self._choose_markets()
        assets = list(dict.fromkeys(pair.partition("_")[0] for _, pair in markets))
        self.mix = (*assets, self.currency)
        if len(self.mix) > _CURRENCIES_MAX:
            raise UsageError(
                f"{len(assets)} currencies are too many for one mix: name up to "
                f"{_CURRENCIES_MAX - 1} with --assets"
            )
        params.check_names(self.mix)
        self.view = PortfolioView(self.components, self.mix)
        self.trader = PortfolioTrader(
            self,
            self.currency,
            markets,
            params.pace(),
            on_change=self.show,
            say=lambda text: self.tell(text, "warning"),
        )
        self.markets = markets
        if without:
            self.tell(f"left out, for want of candles: {', '.join(without)}", "warning")
        self.estimate()
        if params.estimate_at:
            self.cron(params.estimate_at, self.estimate)
        if params.rebalance_at:
            self.cron(params.rebalance_at, self.rebalance)
        if params.target:
            self.choose(Target.parse(params.target))
            if params.confirm:
                self.tell("nothing is traded until somebody confirms; --confirm false needs nobody")
        else:
            self.tell("choose a target: a point of the frontier, the sliders or a button")
        self.show()

    def on_quote(self, quote: Quote) -> None:
        """Make the preview that waits for prices; follow the weights, once a minute."""
        if self.view.is_due(quote.time):
            self._follow(quote.time)
        if self.is_pending:
            self.prepare()

    def on_bar(self, bar: Bar) -> None:
        """Hear how much the market traded."""
        self.trader.on_bar(bar)

    def on_order(self, order: OrderUpdate) -> None:
        """Hear how an order ended."""
        was_trading = self.trader.state is TradingState.TRADING
        self.trader.on_order(order)
        if was_trading and self.trader.state is TradingState.IDLE:
            self.tell(self._arrival())

    def on_fill(self, fill: Fill) -> None:
        """Follow the path."""
        self._follow(fill.time, always=True)

    def on_input(self, post: Posted) -> None:
        """Do what the user asks; what can't be done is answered with a sentence."""
        match post:
            case TargetChosen(point=None):
                self._choose_weights(post.weights, "own mix")
            case TargetChosen():
                self._choose_weights(post.weights, f"point {post.point} of the frontier")
            case SliderMoved():
                self._choose_weights(self.view.shares(post.component), "own mix")
            case Pressed(component="maximum-sharpe" | "minimum-variance"):
                self.choose(Target.parse(post.component))
            case Pressed(component="preview-again"):
                self._preview_again()
            case Pressed(component="confirm"):
                self.confirm(post.press)
            case Pressed(component="pause"):
                self.trader.pause()
            case Pressed(component="resume"):
                self._resume()
            case Pressed(component="stop"):
                self._stop()
        self.show()

    def on_stop(self) -> None:
        """Say how far it came when it has not arrived."""
        if self.trader.state is not TradingState.IDLE:
            self.tell(self._arrival())
        self.show()

    def estimate(self) -> None:
        """Estimate the frontier anew from the history up to now, and show it."""
        try:
            estimated = estimate_portfolio(
                self.params,
                [(market[1].partition("_")[0], self._candles(*market)) for market in self.markets],
                self.currency,
                self._seed,
            )
        except XWrapError as error:
            old = "the old one stays" if self.frontier else "it is tried again every hour"
            self._tell_once(f"no frontier: {error.message}; {old}")
            if self.frontier is None and not self._is_retrying:
                self._is_retrying = True
                self.at(UtcNs(self.now() + _RETRY_S * SECOND), self._retry)
            return
        self.frontier = estimated.frontier
        self._said.clear()
        self.view.show_frontier(
            self.now(), estimated.frontier, estimated.points, estimated.cloud, estimated.band
        )
        self.tell(estimated.words())
        if self.is_pending:
            self.prepare()

    def choose(self, target: Target) -> None:
        """Take a target and prepare what leads there; what is being traded is held meanwhile."""
        self.target = target
        if self.trader.state is TradingState.TRADING and self.params.confirm:
            self.trader.pause()
            self.tell("trading is on hold until the new target is confirmed; resume goes on")
        self.prepare()

    def prepare(self) -> None:
        """Show what leads to the target, or trade it where nobody has to confirm.

        While prices or a frontier are missing this waits for them.
        """
        target, trader = self.target, self.trader
        if target is None:
            return
        missing = trader.without_price()
        if missing:
            self.is_pending = True
            return
        try:
            weights = target.resolve(self.frontier)
            check_bounds(weights, self.bounds)
            plan = trader.plan(weights, self.params.band / 100)
        except NoData as error:
            self.is_pending = True
            self._tell_once(error.message)
            return
        except XWrapError as error:
            self.is_pending = False
            self.drop()
            self.tell(f"{target.text}: {error.message}", "warning")
            return
        self.is_pending = False
        self.view.aim(self.now(), weights)
        if not plan.orders:
            if target is not self.accepted:
                deviation = percent(float(plan.deviation))
                self.tell(f"{target.text}: nothing to trade, the largest deviation is {deviation}")
            self._accept(target, weights)
        elif self.params.confirm:
            self._show_preview(weights, plan)
        else:
            self._trade(target, weights, plan)
        self.show()

    def confirm(self, press: str) -> None:
        """Trade the preview, if it is the one that was confirmed and the market still has it."""
        shown, target = self.preview, self.target
        if shown is None or target is None:
            self.tell(f"{press} can't be confirmed: no preview is open", "warning")
            return
        if press != self._preview_id():
            self.tell(
                f"{press} can't be confirmed: {self._preview_id()} is the present one", "warning"
            )
            return
        try:
            plan = self.trader.plan(self.preview_weights, self.params.band / 100)
        except XWrapError as error:
            self.tell(f"{press} can't be traded now: {error.message}", "warning")
            self.drop()
            self.prepare()  # at once, or when prices are back
            return
        if not same_trades(shown, plan):
            self.tell(f"{press} is outdated, the market has moved: look at the new one", "warning")
            if plan.orders:
                self._show_preview(self.preview_weights, plan)
            else:
                self.prepare()
            return
        weights = self.preview_weights
        self.drop()
        self._trade(target, weights, plan)

    def drop(self) -> None:
        """Forget the preview."""
        self.preview = None
        self.view.drop_preview()

    def rebalance(self) -> None:
        """Go back to the accepted target where the weights have drifted outside the band."""
        is_free = self.trader.state is TradingState.IDLE and self.preview is None
        if self.accepted is not None and is_free and not self.is_pending:
            self.target = self.accepted
            self.prepare()

    def show(self) -> None:
        """Show how things stand."""
        trader, preview = self.trader, self.preview
        rows = {"state": str(trader.state), "target": self.accepted.text if self.accepted else "-"}
        if trader.state is not TradingState.IDLE:
            slices = max(trader.number, trader.pace.slices)
            rows["progress"] = f"slice {trader.number} of {slices}"
        if trader.target:
            rows["largest deviation"] = percent(trader.deviation())
        if preview is not None and self.target is not None:
            rows |= {
                "preview": self._preview_id(),
                "preview of": self.target.text,
                "equity": f"{preview.equity_before:,.2f} {preview.currency}",
                "costs": f"{preview.equity_before - preview.equity_after:,.2f} {preview.currency}, "
                f"fees {preview.fees:,.2f} of it",
                "turnover": f"{preview.turnover:,.2f} {preview.currency}",
                "deviation after": percent(float(preview.deviation)),
            }
        elif self.is_pending:
            missing = [f"{pair} on {exchange}" for exchange, pair in trader.without_price()]
            rows["waits for"] = f"prices of {', '.join(missing)}" if missing else "a frontier"
        self.view.show_status(rows)

    def tell(self, text: str, level: Level = "info") -> None:
        """Say something, in the run's log and on the page."""
        self.log(text)
        self.view.say(text, level)

    def _tell_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.tell(text, "warning")

    def _choose_markets(self) -> tuple[list[str], list[tuple[str, str]]]:
        """Return the currencies without candles, if others have some, and the other markets."""
        seen: dict[str, int] = {}
        for exchange, pair in self.traded:
            base = pair.partition("_")[0]
            seen[base] = max(seen.get(base, 0), len(self._candles(exchange, pair)))
        without = sorted(base for base, count in seen.items() if not count)
        if len(without) == len(seen):
            without = []  # it is too early for all of them
        kept = [market for market in self.traded if market[1].partition("_")[0] not in without]
        return without, kept

    def _candles(self, exchange: str, pair: str) -> Candles:
        period_s = parse_freq(self.params.period)
        count = max(1, self.params.days * _DAY_S // period_s)
        try:
            return self.candles(pair, period_s, count, exchange)
        except XWrapError as error:
            raise UsageError(f"--period {self.params.period}: {error.message}") from None

    def _retry(self) -> None:
        self._is_retrying = False
        if self.frontier is None:
            self.estimate()

    def _choose_weights(self, weights: Mapping[str, Decimal], text: str) -> None:
        words = ", ".join(f"{name} {percent(float(w))}" for name, w in weights.items() if w)
        self.choose(Target.of_weights(weights, f"{text} ({words})"))

    def _follow(self, time: UtcNs, *, always: bool = False) -> None:
        weights = self.trader.weights()
        if weights:
            self.view.move(time, weights, always=always)

    def _show_preview(self, weights: dict[str, Decimal], plan: RebalancePlan) -> None:
        assert self.target is not None
        self._previews += 1
        self.preview, self.preview_weights = plan, weights
        self.view.show_preview(self._preview_id(), plan)
        self.tell(
            f"{self._preview_id()} of {self.target.text}: {count_orders(plan)}, turnover "
            f"{plan.turnover:,.2f} {plan.currency}, fees ≈ {plan.fees:,.2f} {plan.currency}"
        )
        for order in plan.orders:
            self.tell(order_words(order, plan))

    def _preview_id(self) -> str:
        return f"preview-{self._previews}"

    def _preview_again(self) -> None:
        if self.target is None:
            self.tell("there is no target to preview: choose one first", "warning")
        else:
            self.prepare()

    def _accept(self, target: Target, weights: dict[str, Decimal]) -> None:
        self.drop()
        self.accepted = target
        self.trader.stop()
        self.trader.target = dict(weights)

    def _trade(self, target: Target, weights: dict[str, Decimal], plan: RebalancePlan) -> None:
        self.accepted = target
        self.tell(
            f"trades towards {target.text}: {count_orders(plan)} in {self.params.slices} "
            f"slices, turnover {plan.turnover:,.2f} {plan.currency}"
        )
        self._follow(self.now(), always=True)
        self.trader.start(weights, plan)

    def _resume(self) -> None:
        if self.trader.state is TradingState.PAUSED:
            self.drop()
            if self.target is not self.accepted:
                self.target = self.accepted
                self.view.aim(self.now(), self.trader.target)
            self.trader.resume()

    def _stop(self) -> None:
        self.is_pending = False
        self.drop()
        if self.trader.state is not TradingState.IDLE:
            self.trader.stop()
            self.tell(f"stopped by the user; {self._arrival()}")
        self.target = self.accepted = None

    def _arrival(self) -> str:
        target = self.accepted.text if self.accepted else "no target"
        held = ", ".join(
            f"{name} {percent(weight)}" for name, weight in self.trader.weights().items()
        )
        return f"{target}: the largest deviation is {percent(self.trader.deviation())} ({held})"
