"""One loaded exchange at run time: its feed, live books and paper engines, and its status."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from exchange_wrapper.candles import CandleBuilder, Candles
from exchange_wrapper.errors import ApiUsageError, ProcessingError, Unavailable
from exchange_wrapper.exchange.base import Capabilities, Exchange, PairGrid, TakeUpdate
from exchange_wrapper.exchange.base_trading import Trading
from exchange_wrapper.execution import Execution, ExecutionPort
from exchange_wrapper.feed import Backoff, Feed
from exchange_wrapper.live_book import BookState, LiveBook
from exchange_wrapper.live_execution import LiveExecution
from exchange_wrapper.market import BookLost, MarketEvent, TradePrint
from exchange_wrapper.numbers import Ticks
from exchange_wrapper.pair import Pair
from exchange_wrapper.paper_exchange import PaperExchange
from exchange_wrapper.terms import ExchangeStatus, Mode, Side
from exchange_wrapper.times import MILLISECOND, SECOND, UtcNs, to_iso
from exchange_wrapper.util import utc_now

__all__ = ["Venue"]

_log = logging.getLogger(__name__)

_CANDLE_FREQ_S: Final = 300
_LATE_TRADES_NS: Final = 2 * SECOND  # a candle is closed so long after its interval's end


def _ignore(*_: object) -> None:
    """Stand in for a callback that nobody assigned."""


class Venue:
    """Run one exchange: load its pairs, follow its feed, execute virtual orders.

    Parameters
    ----------
    exchange : Exchange
        The adapter.
    trading : Trading, optional
        Where its orders really go; without one they are virtual.
    latency_ns : int
        How long a virtual order or its cancellation takes to arrive.
    candle_freq_s : int
        Length of the candles that are made of its trades.
    clock, sleep, draw : callable
        The time, waiting in seconds, and numbers in [0, 1) for jitter.

    Attributes
    ----------
    status : ExchangeStatus
        ``STARTING`` until every book is live for the first time, then ``READY``, and
        ``DEGRADED`` while any is not; ``STOPPED`` at the end.
    pairs : dict of str to Pair
        Empty until ``on_loaded``.
    books : dict of str to LiveBook
        By pair name. Once the venue is stopped they stay as they were last.
    fees : FeeSchedule
        What its trades cost: as configured, or as a live exchange says when the pairs are loaded.
    live : LiveExecution or None
        Carries out the orders of a live exchange.
    on_loaded : callable of (venue)
        The pairs are known, nothing has arrived yet: the time to register the venue with a desk
        and to resume open orders.
    on_status : callable of (venue, old, new)
    on_executions : callable of (venue, list of Execution)
    on_ticker : callable of (venue, pair, best_bid, best_ask, time)
        The best prices have changed, in ticks; None where a side is empty or the book is lost.
    on_trade : callable of (venue, TradePrint)
    on_event : callable of (venue, MarketEvent), or None
        Every event, after the books have it; None, as long as nobody needs them all.
    on_candle : callable of (venue, pair, Candles)
        One or more candles that will not change any more.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        trading: Trading | None = None,
        latency_ns: int = 5 * MILLISECOND,
        candle_freq_s: int = _CANDLE_FREQ_S,
        clock: Callable[[], UtcNs] = utc_now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.exchange = exchange
        self.mode = Mode.PAPER if trading is None else Mode.LIVE
        self.status = ExchangeStatus.STARTING
        self.pairs: dict[str, Pair] = {}
        self.books: dict[str, LiveBook] = {}
        self.fees = exchange.fees
        self._sooner = asyncio.Event()  # something may fall due earlier than before
        self._paper = PaperExchange(latency_ns=latency_ns)
        self._paper.on_sent = self._sooner.set
        self._trading = trading
        self.live: LiveExecution | None = None
        if trading is not None:
            self.live = LiveExecution(
                exchange.name, trading, cost=self._paper.cost, clock=clock, sleep=sleep, draw=draw
            )
            self.live.on_executions = lambda executions: self.on_executions(self, executions)
            self.live.on_connection = self._judge
        self.on_loaded: Callable[[Venue], None] = _ignore
        self.on_status: Callable[[Venue, ExchangeStatus, ExchangeStatus], None] = _ignore
        self.on_executions: Callable[[Venue, Sequence[Execution]], None] = _ignore
        self.on_ticker: Callable[[Venue, Pair, Ticks | None, Ticks | None, UtcNs], None] = _ignore
        self.on_trade: Callable[[Venue, TradePrint], None] = _ignore
        self.on_event: Callable[[Venue, MarketEvent], None] | None = None
        self.on_candle: Callable[[Venue, Pair, Candles], None] = _ignore
        self._candle_freq_s = candle_freq_s
        self._clock = clock
        self._sleep = sleep
        self._draw = draw
        self._feed: Feed | None = None
        self._task: asyncio.Task[None] | None = None
        self._problem = "loading pairs"
        self._live = 0  # books that are
        self._best: dict[str, tuple[Ticks | None, Ticks | None]] = {}
        self._builders: dict[str, CandleBuilder] = {}

    @property
    def name(self) -> str:
        """The name it is loaded under."""
        return self.exchange.name

    @property
    def execution(self) -> ExecutionPort:
        """Where its orders go; virtual ones meet its books."""
        return self._paper if self.live is None else self.live

    @property
    def capabilities(self) -> Capabilities:
        """What the exchange can do."""
        return self.exchange.capabilities

    def catch_up(self, now: UtcNs) -> None:
        """Carry out virtual orders that are due, before anything else happens at this time."""
        self._advance(now)

    async def start(self) -> None:
        """Begin to run in the background; ``stop`` ends it."""
        assert self._task is None, "a venue is started once"
        self._task = asyncio.create_task(self.run(), name=f"venue {self.name}")

    async def stop(self) -> None:
        """End what ``start`` began, and raise what it had failed with."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.result()

    async def run(self) -> None:
        """Run until cancelled.

        Trouble at the exchange's end is waited out. Anything else (its configuration is wrong, or
        we have a bug) stops the venue, is logged and raised; ``health`` says so too.
        """
        try:
            await self._load()
            feed = self._feed = Feed(
                self.exchange,
                self.pairs.values(),
                self._receive,
                clock=self._clock,
                sleep=self._sleep,
                draw=self._draw,
            )
            self.exchange.takers = {
                name: self._taker(book, feed) for name, book in self.books.items()
            }
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(feed.run())
                tasks.create_task(self._keep_time())
                tasks.create_task(self._close_candles())
                if self.live is not None:
                    tasks.create_task(self.live.run(self.pairs.values()))
        except Exception as error:
            cause = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
            self._problem = f"stopped by an error: {cause}"
            _log.error(
                "exchange %s stopped: %s",
                self.name,
                cause,
                exc_info=None if isinstance(cause, ApiUsageError) else error,
            )
            raise
        finally:
            self._set_status(ExchangeStatus.STOPPED)
            if self._trading is not None:
                await self._trading.close()
            await self.exchange.close()

    def health(self) -> dict[str, object]:
        """Return the state in JSON-ready form; ages in seconds, None before the first message."""
        feed = self._feed
        now = self._clock()
        return {
            "status": self.status.value,
            "problem": self._problem or (feed.problem if feed else "") or self._live_problem(),
            "last_message_age_s": _age_s(feed.last_message_at if feed else None, now),
            "reconnects": feed.reconnects if feed else 0,
            "gaps": feed.gaps if feed else 0,
            "pairs": {
                name: {
                    "state": book.state.value,
                    "reason": book.reason,
                    "since": None if book.since is None else to_iso(book.since),
                    "last_message_age_s": _age_s(book.last_message_at, now),
                    "gaps": book.gaps,
                    "resyncs": book.resyncs,
                }
                for name, book in self.books.items()
            },
            **({} if self.live is None else {"trading": self.live.health()}),
        }

    def _live_problem(self) -> str:
        return "" if self.live is None else self.live.problem

    async def _load(self) -> None:
        backoff = Backoff(self._draw)
        while not self.pairs:
            try:
                if self._trading is not None:
                    self.fees = await self._trading.fees()
                self.pairs = await self.exchange.load_pairs()
            except (Unavailable, ProcessingError) as error:
                problem = f"pairs can't be loaded: {error.message}"
                if problem != self._problem:
                    _log.warning("exchange %s: %s", self.name, problem)
                self._problem = problem
                await self._sleep(backoff.next_s())
        self._problem = ""
        for name, pair in self.pairs.items():
            self.books[name] = LiveBook(pair)
            self.books[name].attach(self._paper.add_pair(pair, self.books[name].book))
            self._best[name] = (None, None)
        self.on_loaded(self)

    def _taker(self, live: LiveBook, feed: Feed) -> TakeUpdate:
        """Return the short way of a pair's updates, on which ``_receive`` would have nothing to do.

        It is closed while somebody needs every event, and now and then for one event by which the
        feed knows that its connection lives.
        """
        book, advance = live.book, self._advance

        def take(changes: list[tuple[Side, str, str]], grid: PairGrid, received_at: UtcNs) -> bool:
            if self.on_event is not None or received_at >= feed.event_due_at:
                return False
            advance(received_at)
            bid, ask = book.best_bid, book.best_ask
            if not live.take(changes, grid, received_at):
                return False
            if book.best_bid != bid or book.best_ask != ask:
                self._tell_best(live, received_at)
            return True

        return take

    def _receive(self, event: MarketEvent) -> None:
        book = self.books[event.pair]
        self._advance(event.received_at)  # what was due before meets the book as it was
        was = book.state
        executions = book.receive(event)
        if executions:
            self.on_executions(self, executions)
        if book.state is not was:
            self._follow_state(book, event)
        if self.on_event is not None:
            self.on_event(self, event)
        if type(event) is TradePrint:
            self._trade(event)
        self._tell_best(book, event.received_at)

    def _tell_best(self, live: LiveBook, now: UtcNs) -> None:
        name = live.pair.name()
        best = live.book.best_bid, live.book.best_ask
        if best != self._best[name]:
            self._best[name] = best
            self.on_ticker(self, live.pair, *best, now)

    def _advance(self, now: UtcNs) -> None:
        executions = self._paper.advance(now)
        if executions:
            self.on_executions(self, executions)

    def _trade(self, event: TradePrint) -> None:
        self.on_trade(self, event)
        builder = self._builders.get(event.pair)
        if builder is not None:
            builder.add(event)

    def _follow_state(self, book: LiveBook, event: MarketEvent) -> None:
        name = book.pair.name()
        if book.state is BookState.LIVE:
            self._live += 1
            # Trades may have been missed until now: candles begin with the next whole interval.
            self._builders[name] = CandleBuilder(book.pair, self._candle_freq_s, event.received_at)
        else:
            self._live -= 1
            if type(event) is not BookLost and self._feed is not None:
                self._feed.resync(book.reason)
        self._judge()

    def _judge(self) -> None:
        """Be ready while every book is live and a live exchange's reports are heard."""
        if self._live == len(self.books) and (self.live is None or self.live.connected):
            self._set_status(ExchangeStatus.READY)
        elif self.status is ExchangeStatus.READY:
            self._set_status(ExchangeStatus.DEGRADED)

    def _set_status(self, new: ExchangeStatus) -> None:
        old, self.status = self.status, new
        if new is not old:
            self.on_status(self, old, new)

    async def _keep_time(self) -> None:
        """Carry out what falls due at the paper engines while no event comes."""
        while True:
            self._sooner.clear()
            due, now = self._paper.next_due(), self._clock()
            if due is not None and due <= now:
                # In the turn of the loop that follows the cause: they share one commit.
                self._advance(now)
                continue
            try:
                async with asyncio.timeout(None if due is None else (due - now) / SECOND):
                    await self._sooner.wait()
            except TimeoutError:
                pass

    async def _close_candles(self) -> None:
        freq = self._candle_freq_s * SECOND
        while True:
            now = self._clock()
            over = UtcNs(now - (now - _LATE_TRADES_NS) % freq + freq)
            await self._sleep((over - now) / SECOND)
            for name, builder in self._builders.items():
                candles = builder.close(over)
                if len(candles):
                    self.on_candle(self, self.pairs[name], candles)


def _age_s(moment: UtcNs | None, now: UtcNs) -> float | None:
    return None if moment is None else (now - moment) / SECOND
