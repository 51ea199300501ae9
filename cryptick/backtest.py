"""Run a strategy on stored market data, deterministically: same request and data, same orders."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain

from cryptick.book_replay import BAR_FREQ_S, BookReplay
from cryptick.candle_replay import CandleReplay
from cryptick.clock import SimulatedClock
from cryptick.components import Components
from cryptick.errors import HandlerFailed, UsageError
from cryptick.exchange_simulator import ExchangeSimulator, Progress
from cryptick.fill_recorder import FillRecorder
from cryptick.fill_rule import FillModel
from cryptick.hashed_events import HashedEvents
from cryptick.hub import Audit, Hub
from cryptick.market_data import RecordedSource, Recording, Series
from cryptick.metrics import FloatArray, IntArray
from cryptick.report import RunResult, Summary, write_summary
from cryptick.request import RunRequest
from cryptick.run_directory import RunDirectory, RunRecorder
from cryptick.strategy.base import START, STOP, RunContext
from cryptick.valuation import Market, Plan, equity_curve, make_plan
from exchange_wrapper.candles import Candles, infer_instrument
from exchange_wrapper.errors import NoData
from exchange_wrapper.history import HistorySource, SeriesInfo
from exchange_wrapper.numbers import ZERO
from exchange_wrapper.pair import Pair, split_name
from exchange_wrapper.times import SECOND, UtcNs

__all__ = [
    "Backtest",
    "Progress",
    "load_history",
    "load_recordings",
    "load_series",
    "plan_backtest",
]


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
    if request.fills.model is FillModel.BOOK:
        for recording in _recorded(source).recordings():
            listed.setdefault(recording.exchange, set()).add(recording.pair)
        place = f"what is recorded in {place}"
    else:
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


def load_history(
    request: RunRequest, source: HistorySource, data: Sequence[Series] | Sequence[Recording]
) -> dict[Market, Candles]:
    """Read as much of what was before a backtest as there is and its strategy needs."""
    needed_s = request.strategy.history_needed(request.params, request.funded)
    found: dict[Market, Candles] = {}
    for one in data if needed_s else ():
        end_s = one.start // SECOND
        with suppress(NoData):
            found[one.market] = source.candles(*one.market, one.freq_s, end_s - needed_s, end_s)
    return found


def load_recordings(
    request: RunRequest,
    source: HistorySource,
    plan: Plan,
    rows: Mapping[Market, int] | None = None,
) -> list[Recording]:
    """Find the recordings of a plan's pairs; their events are read as they are played.

    Parameters
    ----------
    rows : mapping of (exchange, pair) to int, optional
        Read so many events of a pair at most: those that an earlier run had.

    Raises
    ------
    NoData
        Nothing of a pair is recorded in the period.
    """
    recorded = _recorded(source)
    known = {(one.exchange, one.pair): one for one in recorded.recordings()}
    notional = {(i.exchange, i.pair): i.min_notional for i in source.instruments()}
    period = tuple(
        None if time_s is None else UtcNs(time_s * SECOND)
        for time_s in (request.start_s, request.end_s)
    )
    found = []
    for exchange, name in plan.followed:
        one = known[exchange, name]
        base, quote = split_name(name)
        pair = Pair(
            name,
            base,
            quote,
            one.tick_size,
            one.lot_size,
            min_order=one.lot_size,
            min_notional=notional.get((exchange, name), ZERO),
        )
        stored = iter(recorded.recorded_events(exchange, name, *period))
        first = next(stored)
        events = HashedEvents(chain((first,), stored), (rows or {}).get((exchange, name)))
        freq_s = request.freq_s or BAR_FREQ_S
        found.append(Recording(exchange, pair, first.received_at, freq_s, events))
    return found


def _recorded(source: HistorySource) -> RecordedSource:
    if not isinstance(source, RecordedSource):
        raise UsageError("this history has candles only: the fill model book needs recordings")
    return source


class Backtest:
    """One backtest, from its first event to its summary.

    Parameters
    ----------
    request : RunRequest
    plan : Plan
    data : sequence of Series, or of Recording for the fill model ``book``
        Of all pairs that the plan follows.
    directory : RunDirectory, optional
        Without one nothing is written: the run can be played and its equity counted.
    audit : Audit, optional
    history : mapping of (exchange, pair) to Candles, optional
        Candles of before the run, for its strategy to look back on.

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
        data: Sequence[Series] | Sequence[Recording],
        directory: RunDirectory | None = None,
        audit: Audit | None = None,
        history: Mapping[Market, Candles] | None = None,
    ) -> None:
        self.request = request
        self.plan = plan
        self.directory = directory
        self._candles = {
            (one.instrument.exchange, one.instrument.pair): one.candles
            for one in data
            if isinstance(one, Series)
        }
        self._clock = SimulatedClock(min(one.start for one in data))
        self.hub = Hub(self._clock, audit)
        self.hub.hold()
        self._fees = {exchange: request.fees.of(exchange) for exchange in sorted(request.balances)}
        self._simulator = self._simulate(data, history or {})
        if directory is None:
            self._recorder: RunRecorder | FillRecorder = FillRecorder(self.hub)
            self._components = Components(self.hub)
        else:
            self._recorder = RunRecorder(self.hub, directory)
            self._components = Components(self.hub, directory.path / "components")
        self.strategy = request.strategy(
            RunContext(
                self.hub,
                self._simulator,
                request.params,
                request.funded,
                plan.traded,
                request.key(),
                self._components,
            )
        )

    def run(self, source: str, progress: Progress | None = None) -> Summary:
        """Run to the end of the data, write the summary into the directory and return it.

        Parameters
        ----------
        source : str
            Where the candles are from, for the report.

        Raises
        ------
        HandlerFailed
            The strategy raised.
        """
        self.play(progress)
        return self._summarise(source)

    def play(self, progress: Progress | None = None) -> None:
        """Run to the end of the data, where open orders are cancelled.

        Raises
        ------
        HandlerFailed
            The strategy raised.
        """
        with self._recorder, self._components:
            self._tell(START)
            self._replay(progress)
            simulator = self._simulator
            simulator.wake(UtcNs(simulator.end + 1))
            self._clock.time = simulator.end
            self._tell(STOP)
            simulator.cancel_all()
            self.hub.deliver()
            simulator.wake(UtcNs(simulator.end + self.request.fills.latency_ns + 1))
            faults = simulator.audit()
            assert not faults, faults

    @property
    def trades(self) -> int:
        """How many fills there were."""
        return len(self._recorder.fills)

    def equity(self) -> tuple[float, IntArray, FloatArray]:
        """Return the equity at the start, and the times (s) and values of its curve after that."""
        balances, simulator = self.request.wallets(), self._simulator
        time_s, prices = simulator.prices()
        curve = equity_curve(self.plan, balances, self._recorder.fills, time_s * SECOND, prices)
        return float(self.plan.equity(balances, simulator.first_price)), time_s, curve

    def _tell(self, method: str) -> None:
        self.hub.cause = None
        self.hub.notify(method)
        self.hub.deliver()

    def _replay(self, progress: Progress | None) -> None:
        try:
            self._simulator.play(progress)
        except HandlerFailed:
            raise
        except Exception as error:
            raise self.hub.failed(error) from error

    def _simulate(
        self, data: Sequence[Series] | Sequence[Recording], history: Mapping[Market, Candles]
    ) -> ExchangeSimulator:
        request, hub, clock, fees = self.request, self.hub, self._clock, self._fees
        balances, rule = request.balances, request.fills
        recordings = [one for one in data if isinstance(one, Recording)]
        if recordings:
            return BookReplay(hub, clock, recordings, balances, fees, rule, history)
        series = [one for one in data if isinstance(one, Series)]
        return CandleReplay(hub, clock, series, balances, fees, rule, history)

    def _summarise(self, source: str) -> Summary:
        assert self.directory is not None and isinstance(self._recorder, RunRecorder)
        request, plan, simulator = self.request, self.plan, self._simulator
        balances, holdings = request.wallets(), simulator.holdings()
        time_s, prices = simulator.prices()
        fills = self._recorder.fills
        self.result = RunResult(
            request=request,
            plan=plan,
            source=source,
            events=simulator.events,
            fill_model=str(request.fills),
            fees=self._fees,
            start=simulator.start,
            end=simulator.end,
            initial=plan.equity(balances, simulator.first_price),
            final=plan.equity(holdings, simulator.last_price),
            holdings=holdings,
            counts=self._recorder.counts,
            fills=fills,
            time_s=time_s,
            equity=equity_curve(plan, balances, fills, time_s * SECOND, prices),
            prices=prices,
            first_price=simulator.first_price,
            candles=self._candles,
        )
        return write_summary(self.result, self.directory)
