"""Run a strategy on stored candles, deterministically: same request and data, same orders."""

from collections.abc import Callable, Sequence
from decimal import Decimal

import numpy as np

from cryptick.candle_market import FILL_MODEL, LATENCY_NS, Series
from cryptick.clock import SimulatedClock
from cryptick.errors import HandlerFailed
from cryptick.exchange_simulator import ExchangeSimulator
from cryptick.hub import Audit, Hub
from cryptick.metrics import IntArray, steps
from cryptick.report import RunResult, Summary, write_summary
from cryptick.request import RunRequest
from cryptick.run_directory import RunDirectory, RunRecorder
from cryptick.strategy.base import START, STOP
from cryptick.valuation import Market, Plan, equity_curve, make_plan
from exchange_wrapper.candles import Candles, format_freq, infer_instrument
from exchange_wrapper.errors import NoData
from exchange_wrapper.history import HistorySource, SeriesInfo
from exchange_wrapper.numbers import Ticks
from exchange_wrapper.times import MILLISECOND, SECOND, UtcNs

__all__ = ["Backtest", "Progress", "load_series", "plan_backtest"]

Progress = Callable[[int, int], None]
"""Called with the events that are done and all there are."""

_CHUNK = 20_000  # events between two calls of progress


def plan_backtest(request: RunRequest, source: HistorySource, place: str) -> Plan:
    """Choose what to trade and count from what history there is.

    Raises
    ------
    NoData
        No history of an exchange, a currency or the pairs that the strategy would trade.
    UsageError
        The balances can't be counted in one currency.
    """
    listed: dict[str, set[str]] = {}
    for info in source.series():
        listed.setdefault(info.exchange, set()).add(info.pair)
    wanted = request.strategy.pairs(request.params, request.funded)
    return make_plan(wanted, request.funded, listed, place, NoData)


def load_series(request: RunRequest, source: HistorySource, plan: Plan) -> list[Series]:
    """Read the candles of a plan's pairs.

    Raises
    ------
    NoData
        A pair has none of this length in the period; the message says what there is.
    """
    instruments = {(i.exchange, i.pair): i for i in source.instruments()}
    infos: dict[Market, list[SeriesInfo]] = {market: [] for market in plan.followed}
    for info in source.series():
        if (info.exchange, info.pair) in infos:
            infos[info.exchange, info.pair].append(info)
    freq_s = request.freq_s or max(min(i.freq_s for i in stored) for stored in infos.values())
    found = []
    for market, stored in infos.items():
        start_s = min(i.start_s for i in stored) if request.start_s is None else request.start_s
        end_s = request.end_s
        if end_s is None:
            end_s = max(start_s + freq_s, *(i.end_s for i in stored))
        candles = source.candles(*market, freq_s, start_s, end_s)
        instrument = instruments.get(market) or infer_instrument(*market, candles)
        found.append(Series(instrument, candles))
    return found


class Backtest:
    """One backtest, from its first bar to its summary.

    Parameters
    ----------
    request : RunRequest
    plan : Plan
    series : sequence of Series
        Of all pairs that the plan follows.
    directory : RunDirectory
    audit : Audit, optional

    Attributes
    ----------
    result : RunResult
        What `write_report` needs; there when the run is over.
    """

    result: RunResult

    def __init__(
        self,
        request: RunRequest,
        plan: Plan,
        series: Sequence[Series],
        directory: RunDirectory,
        audit: Audit | None = None,
    ) -> None:
        self.request = request
        self.plan = plan
        self.series = series
        self.directory = directory
        self.start = UtcNs(min(int(s.candles.time[0]) for s in series) * SECOND)
        ends = (int(s.candles.time[-1]) + s.candles.freq_s for s in series)
        self.end = UtcNs(max(ends) * SECOND)
        self._clock = SimulatedClock(self.start)
        self._hub = Hub(self._clock, audit)
        self._hub.hold()
        self._fees = {exchange: request.fees.of(exchange) for exchange in sorted(request.balances)}
        self._simulator = ExchangeSimulator(
            self._hub, self._clock, series, request.balances, self._fees
        )
        self._recorder = RunRecorder(self._hub, directory)
        self._strategy = request.strategy(
            self._hub,
            self._simulator,
            request.params,
            request.funded,
            plan.traded,
            request.key(),
        )

    def run(self, source: str, progress: Progress | None = None) -> Summary:
        """Run to the end of the data and return the summary.

        Open orders are cancelled at the end.

        Parameters
        ----------
        source : str
            Where the candles are from, for the report.

        Raises
        ------
        HandlerFailed
            The strategy raised.
        """
        with self._recorder:
            self._tell(START)
            self._replay(progress)
            self._wake(UtcNs(self.end + 1))
            self._clock.time = self.end
            self._tell(STOP)
            self._simulator.cancel_all()
            self._hub.deliver()
            self._wake(UtcNs(self.end + LATENCY_NS + 1))
            faults = self._simulator.audit()
            assert not faults, faults
            return self._summarise(source)

    def _tell(self, method: str) -> None:
        self._hub.cause = None
        self._hub.notify(method)
        self._hub.deliver()

    def _replay(self, progress: Progress | None) -> None:
        hub, clock = self._hub, self._clock
        closings, openings = self._simulator.closings(), self._simulator.openings()
        waiting = hub.waiting
        time, code = _merge([s.candles for s in self.series])
        functions = [*closings, *openings]
        total = len(time)
        try:
            for first in range(0, total, _CHUNK):
                chunk = slice(first, first + _CHUNK)
                for now, index in zip(time[chunk].tolist(), code[chunk].tolist(), strict=True):
                    if clock.next_due < now:
                        self._wake(now)
                    clock.time = now
                    functions[index]()
                    if waiting:
                        hub.deliver()
                if progress is not None:
                    progress(min(first + _CHUNK, total), total)
        except HandlerFailed:
            raise
        except Exception as error:
            raise hub.failed(error) from error

    def _wake(self, until: UtcNs) -> None:
        """Fire the timers that are due before ``until``, arrivals of orders among them."""
        hub, clock = self._hub, self._clock
        while clock.next_due < until:
            hub.cause = None
            clock.fire()
            hub.deliver()

    def _summarise(self, source: str) -> Summary:
        request, plan = self.request, self.plan
        balances, holdings = request.wallets(), self._simulator.holdings()
        initial = plan.equity(balances, self._first_price)
        final = plan.equity(holdings, self._simulator.last_price)
        closes = [s.candles.time + s.candles.freq_s for s in self.series]
        time_s = np.unique(np.concatenate(closes))
        prices = {
            (market.exchange, market.pair.name()): steps(
                time_s, close, market.candles.floats("close")
            )
            for market, close in zip(self._simulator.markets, closes, strict=True)
        }
        bar = format_freq(self.series[0].candles.freq_s)
        self.result = RunResult(
            request=request,
            plan=plan,
            source=source,
            events={f"bars of {bar}": sum(len(s.candles) for s in self.series)},
            fill_model=f"{FILL_MODEL}, latency {LATENCY_NS / MILLISECOND:g} ms, no slippage",
            fees=self._fees,
            start=self.start,
            end=self.end,
            initial=initial,
            final=final,
            holdings=holdings,
            counts=self._recorder.counts,
            fills=self._recorder.fills,
            time_s=time_s,
            equity=equity_curve(plan, balances, self._recorder.fills, time_s * SECOND, prices),
            prices=prices,
            first_price=self._first_price,
            candles={(s.instrument.exchange, s.instrument.pair): s.candles for s in self.series},
        )
        return write_summary(self.result, self.directory)

    def _first_price(self, exchange: str, pair: str) -> Decimal | None:
        for market in self._simulator.markets:
            if (market.exchange, market.pair.name()) == (exchange, pair):
                return market.pair.price(Ticks(int(market.prices[0, 0])))
        return None


def _merge(series: Sequence[Candles]) -> tuple[IntArray, IntArray]:
    """Return the times in ns and the codes of all bar ends and beginnings, in their order.

    Code ``i`` ends a bar of series i, ``len(series) + i`` begins one. At one time all ends come
    before all beginnings.
    """
    times = [candles.time + candles.freq_s for candles in series]
    times += [candles.time for candles in series]
    code = np.repeat(np.arange(len(times)), [len(column) for column in times])
    time = np.concatenate(times) * SECOND
    order = np.lexsort((code, time))
    return time[order], code[order]
