"""What runs behind the API: exchanges, desk, journal and candles, and how they are joined."""

import asyncio
import importlib
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from exchange_wrapper.accounts import SetType
from exchange_wrapper.archive import Archive
from exchange_wrapper.candle_keeper import CandleKeeper
from exchange_wrapper.candles import Candles
from exchange_wrapper.changes import (
    Change,
    HeartBeat,
    IncidentHappened,
    LinePosted,
    OrderChanged,
    SetChanged,
    TradeMade,
)
from exchange_wrapper.config import ExchangeSettings, Settings
from exchange_wrapper.control import Control
from exchange_wrapper.db import Row
from exchange_wrapper.desk import Desk
from exchange_wrapper.errors import (
    ApiUsageError,
    ExchangeNotReady,
    UnknownName,
    XWrapError,
)
from exchange_wrapper.exchange.base import Exchange
from exchange_wrapper.execution import Execution, Finished
from exchange_wrapper.journal import Journal
from exchange_wrapper.ledger import Ledger
from exchange_wrapper.limits import PreTradeLimits
from exchange_wrapper.logical_wallet import LogicalWalletManager
from exchange_wrapper.notifications import Notifications
from exchange_wrapper.orders import Order
from exchange_wrapper.pricing import Pricing
from exchange_wrapper.recording_keeper import RecordingKeeper
from exchange_wrapper.restore import (
    control_incidents,
    last_heartbeat,
    last_written,
    restore,
    trades_since,
)
from exchange_wrapper.series_keeper import SeriesKeeper
from exchange_wrapper.service.live import LiveExchanges, trading_of
from exchange_wrapper.service.market_news import MarketNews
from exchange_wrapper.storage import RecordingLimits, Store, open_store
from exchange_wrapper.telling import worth_telling
from exchange_wrapper.terms import DoneReason, ExchangeStatus
from exchange_wrapper.times import MILLISECOND, SECOND, UtcNs
from exchange_wrapper.util import utc_now
from exchange_wrapper.venue import Venue

__all__ = ["Engine", "load_class"]

_log = logging.getLogger("xwrap.service")
_user_log = logging.getLogger("user.orders")  # what people want to read of their runs

_CANDLE_FREQ_S = 300
_ENFORCED_EVERY_S: Final = 1
_CHECKED_EVERY_S: Final = 60
_DAY_S: Final = 86_400
_DAY_NS: Final = _DAY_S * SECOND


class Engine:
    """Everything that goes on by itself.

    Parameters
    ----------
    settings : Settings
    clock : callable
        Returns the time now.
    take_audit_rows : callable
        See ``Journal``.

    Attributes
    ----------
    venues : dict of str to Venue
        The loaded exchanges by name.
    desk : Desk
        Restored by ``start``. Whoever changes something calls ``journal.schedule`` or waits for
        ``journal.committed``.
    news : MarketNews
        Market data for those who asked for it.
    control : Control
        What stops trading: freezing, differences, limits, cancelling, the kill switch.
    fills, done_orders : int, Counter
        Trades, and orders by the reason why they are done, since the start.
    failure : Future
        Gets the error after which the service can't go on.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], UtcNs] = utc_now,
        take_audit_rows: Callable[[], list[Row]] = list,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.started_at = clock()
        self.notifications = Notifications(clock)
        self.venues: dict[str, Venue] = {}
        self.pricing = Pricing(self.venues)
        self.desk = Desk(Ledger())
        self.control = Control(self.desk, self._new_limits())
        self.wallets = LogicalWalletManager(self.desk.ledger, self.pricing, clock)
        self.journal = Journal(
            settings.sqlite_db,
            lambda: self.desk.take_changes(),
            self._announce,
            self._fail,
            clock=self.notifications.now,
            take_audit_rows=take_audit_rows,
        )
        self._live = LiveExchanges(lambda: self.control, self.journal, clock)
        self.failure: asyncio.Future[XWrapError] = asyncio.get_running_loop().create_future()
        self.keepers: dict[str, CandleKeeper] = {}
        self._offline_since = self.started_at
        self.fills = 0
        self.done_orders: Counter[str] = Counter()
        self.news = MarketNews(self.notifications, clock)
        self.news.on_trade = lambda venue, trade: self.series.traded(
            venue.name, trade.pair, trade.price
        )
        self.news.on_candle = self._keep_candles
        self._series: SeriesKeeper | None = None
        self._recordings: RecordingKeeper | None = None
        self._archive: Archive | None = None
        self._store: Store | None = None
        self._settings_of = {each.name: each for each in settings.exchanges}
        self._keeping: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Restore orders and wallets, then start the exchanges.

        Raises
        ------
        XWrapError
            The settings, the database or what is stored in it can't be used.
        """
        for settings in self.settings.exchanges:
            self.register_exchange(settings)
        await self.journal.open()
        self.notifications.go_on_after(await self.journal.read(last_written))
        self._archive = Archive(self.settings.sqlite_db)
        find_done = self._archive.find
        self.desk, breaches = await self.journal.read(lambda database: restore(database, find_done))
        self.wallets = LogicalWalletManager(self.desk.ledger, self.pricing, self.clock)
        self._store = await asyncio.to_thread(open_store, self.settings.timeseries)
        self._series = SeriesKeeper(
            self._store, self.venues, lambda: self.wallets, clock=self.clock
        )
        self._spawn(self._series.run(), "prices and wallets")
        self._recordings = RecordingKeeper(self._store)
        self._spawn(self._recordings.run(), "recordings")
        await self._restore_control()
        for set_id, reason in breaches.items():
            self.control.freeze(set_id, reason, self.clock())
        for settings in self.settings.exchanges:
            self._live.check(settings)
        await self.journal.committed()
        self._warn_of_orphans()
        for venue in self.venues.values():
            await venue.start()
        self._spawn(self._keep_control(), "control")

    def register_exchange(self, settings: ExchangeSettings) -> None:
        """Load an exchange's class; ``start`` starts it.

        Raises
        ------
        ApiUsageError
            There is no such class, or its configuration can't be used.
        """
        kind = load_class(settings)
        exchange = kind(settings.name, settings.config, frozenset(self.settings.currencies))
        venue = Venue(
            exchange,
            trading=trading_of(exchange, settings.mode),
            latency_ns=settings.latency_ms * MILLISECOND,
            candle_freq_s=_CANDLE_FREQ_S,
            clock=self.clock,
        )
        venue.on_loaded = self._on_loaded
        venue.on_status = self._on_status
        venue.on_executions = self._on_executions
        self.news.follow(venue)
        self.venues[settings.name] = venue

    async def shutdown(self) -> None:
        """Stop the exchanges, write what is left and close the files."""
        stopped = await asyncio.gather(
            *(venue.stop() for venue in self.venues.values()), return_exceptions=True
        )
        for name, problem in zip(self.venues, stopped, strict=True):
            if isinstance(problem, BaseException):
                _log.error("exchange %s had stopped before: %s", name, problem)
        self.news.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._store is not None:  # else nothing has run
            await self.recordings.close()
            self._beat()
        await self.journal.close()
        if self._archive is not None:
            self._archive.close()
        if self._store is not None:
            self._store.close()

    @property
    def store(self) -> Store:
        """The candle store; its calls block."""
        assert self._store is not None
        return self._store

    @property
    def series(self) -> SeriesKeeper:
        """What prices and wallets were."""
        assert self._series is not None
        return self._series

    @property
    def recordings(self) -> RecordingKeeper:
        """What is recorded of books and trades."""
        assert self._recordings is not None
        return self._recordings

    def venue(self, exchange: str, *, ready: bool = True) -> Venue:
        """Return a loaded exchange.

        Parameters
        ----------
        ready : bool
            Whether its books must be live; otherwise it is enough that its pairs are known.

        Raises
        ------
        UnknownName
            It is not configured.
        ExchangeNotReady
            It is not in that state; the message says in which.
        """
        venue = self.venues.get(exchange)
        if venue is None:
            raise UnknownName(
                f"exchange {exchange!r} is not loaded; these are: {', '.join(self.venues)}",
                field="exchange",
            )
        is_ready = venue.status is ExchangeStatus.READY
        if not (is_ready if ready else venue.pairs):
            problem = venue.health()["problem"]
            raise ExchangeNotReady(
                f"exchange {exchange} is {venue.status}" + (f": {problem}" if problem else ""),
                exchange=exchange,
                status=venue.status.value,
            )
        return venue

    def health(self) -> dict[str, dict[str, Any]]:
        """Return the health of each exchange, JSON-ready."""
        return {
            name: {
                **venue.health(),
                **self.news.delays[name].to_dict(),
                "rate_budget": venue.exchange.rate_budget,
                "candles": self.keepers[name].progress() if name in self.keepers else {},
            }
            for name, venue in self.venues.items()
        }

    # What the exchanges say

    def _on_loaded(self, venue: Venue) -> None:
        ledger, now = self.desk.ledger, self.clock()
        currencies = {code for pair in venue.pairs.values() for code in (pair.base, pair.quote)}
        new = [code for code in currencies if ledger.find_wallet(None, venue.name, code) is None]
        self.desk.add_exchange(venue.name, venue.pairs, venue.fees, venue.execution)
        settings = self._settings_of[venue.name]
        if venue.live is None:
            for currency in sorted(new):
                ledger.deposit(venue.name, currency, settings.initial_balance(currency), now)
        else:
            self._live.follow(venue.name, venue.live, self._offline_since)
        for order in list(self.desk.orders.values()):
            if order.request.exchange == venue.name:
                self._resume(venue, order, now)
        self.control.enforce(now)
        limits = RecordingLimits(settings.recording_mb << 20, settings.recording_days * _DAY_S)
        for missing in self.recordings.add(venue.name, venue.pairs, settings.record, limits):
            _log.warning("%s can't be recorded: %s has no such pair", missing, venue.name)
        self.news.record(venue, self.recordings.listener(venue.name))
        if settings.history_days and _CANDLE_FREQ_S in venue.capabilities.candle_freqs_s:
            keeper = CandleKeeper(
                self.store,
                venue.exchange,
                venue.pairs,
                days=settings.history_days,
                freq_s=_CANDLE_FREQ_S,
                clock=self.clock,
            )
            self.keepers[venue.name] = keeper
            self._keeping[venue.name] = self._spawn(keeper.run(), f"candles of {venue.name}")
        self.journal.schedule()

    def _resume(self, venue: Venue, order: Order, now: UtcNs) -> None:
        pair = venue.pairs.get(order.request.pair)
        placed = order.pair
        if pair and (pair.tick_size, pair.lot_size) == (placed.tick_size, placed.lot_size):
            self.desk.resume(order, self._offline_since, now)
            return
        _log.warning("order %d is cancelled: the increments of its pair have changed", order.id)
        message = "the pair is not traded any more, or its increments have changed"
        finished = Finished(order.id, DoneReason.CANCELLED, now, message)
        self.desk.execute(venue.name, [finished])

    def _on_status(self, venue: Venue, old: ExchangeStatus, new: ExchangeStatus) -> None:
        _log.info("exchange %s: %s → %s", venue.name, old, new)
        change = {"exchange": venue.name, "from": old.value, "to": new.value}
        self.notifications.publish("exchstatus", change)
        if new is ExchangeStatus.READY:
            self._reconcile(venue)
        if venue.name in self.keepers:
            if new is ExchangeStatus.READY:
                self.keepers[venue.name].refill()
            elif new is ExchangeStatus.STOPPED:
                self._keeping[venue.name].cancel()

    def _on_executions(self, venue: Venue, executions: Sequence[Execution]) -> None:
        self.control.receive(venue.name, executions, self.clock())
        self.journal.schedule()

    def _keep_candles(self, venue: Venue, pair: str, candles: Candles) -> None:
        keeper = self.keepers.get(venue.name)
        if keeper is not None:
            self._spawn(keeper.keep(pair, candles), f"keep candles of {pair}")

    # What goes on by itself

    def _new_limits(self) -> PreTradeLimits:
        return PreTradeLimits(
            self.settings.limits,
            lambda currency, exchange: self.pricing.usd_rate(currency, exchange=exchange),
        )

    async def _restore_control(self) -> None:
        limits, now = self._new_limits(), self.clock()
        today = UtcNs(now - now % _DAY_NS)
        for trade, order in await self.journal.read(lambda database: trades_since(database, today)):
            limits.traded(trade, order)
        self.control = Control(self.desk, limits, await self.journal.read(control_incidents))
        self._offline_since = await self.journal.read(
            lambda database: last_heartbeat(database) or now
        )
        self._beat()

    async def _keep_control(self) -> None:
        try:
            while True:
                for _ in range(_CHECKED_EVERY_S // _ENFORCED_EVERY_S):
                    self.control.enforce(self.clock())
                    self.journal.schedule()
                    await asyncio.sleep(_ENFORCED_EVERY_S)
                self.control.audit(self.clock())
                self._beat()
                for venue in self.venues.values():
                    if venue.status is ExchangeStatus.READY:
                        self._reconcile(venue)
        except XWrapError as error:  # without control nothing may be traded
            self._fail(error)
            raise

    def _reconcile(self, venue: Venue) -> None:
        if venue.live is not None:
            work = self._live.reconcile(venue.name, venue.live)
            self._spawn(work, f"reconciliation of {venue.name}")

    def _beat(self) -> None:
        self.desk.ledger.changes.append(HeartBeat(self.clock()))
        self.journal.schedule()

    # What is committed

    def _announce(self, changes: list[Change]) -> None:
        self.desk.send(changes, self.clock())
        # Wallets first: who hears of a fill finds its funds already there.
        for set_id in _touched_sets(changes):
            if self.desk.ledger.sets[set_id].type is not SetType.EXCHANGE:
                self.notifications.publish("wallet_set", self.wallets.get_wallet_set(set_id))
                self.series.touch(set_id)
        for change in worth_telling(changes):
            if type(change) is OrderChanged:
                self.notifications.publish("order", change.order.to_dict())
                if change.order.is_done:
                    self._say_done(change.order)
            elif type(change) is TradeMade:
                self.fills += 1
                self.notifications.publish("trade", change.trade.to_dict(change.order))
            elif type(change) is IncidentHappened:
                incident = change.incident
                _log.warning("%s: %s", incident.kind, incident.text)
                self.notifications.publish("incident", incident.to_dict())

    def _say_done(self, order: Order) -> None:
        reason = "rejected" if order.done_reason is None else order.done_reason.value
        self.done_orders[reason] += 1
        request = order.request
        _user_log.info("Order %s of %s is done: %s", request.client_oid, request.run_id, reason)

    def _fail(self, error: XWrapError) -> None:
        if not self.failure.done():
            self.failure.set_result(error)

    def _warn_of_orphans(self) -> None:
        for order in self.desk.orders.values():
            if order.request.exchange not in self.venues:
                _log.warning(
                    "order %d is open at %s, which is not loaded", order.id, order.request.exchange
                )

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("%s failed", task.get_name(), exc_info=task.exception())


def _touched_sets(changes: list[Change]) -> dict[int, None]:
    """Return the wallet sets that the changes concern, each once, in order."""
    touched: dict[int, None] = {}
    for change in changes:
        if type(change) is LinePosted:
            touched[change.wallet.set_id] = None
        elif type(change) is SetChanged:
            touched[change.wallet_set.id] = None
    return touched


def load_class(settings: ExchangeSettings) -> type[Exchange]:
    """Import an exchange's class.

    Raises
    ------
    ApiUsageError
        There is no such class, or it is not an ``Exchange``.
    """
    module_name, _, class_name = settings.class_path.rpartition(".")
    where = f'exchange "{settings.name}" in the configuration'
    try:
        kind = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ApiUsageError(
            f"{where}: the class {settings.class_path} can't be loaded: {error}", field="class"
        ) from error
    if not (isinstance(kind, type) and issubclass(kind, Exchange)):
        raise ApiUsageError(f"{where}: {settings.class_path} is not an Exchange", field="class")
    return kind
