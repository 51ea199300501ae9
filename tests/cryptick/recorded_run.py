"""A paper run and the xWrap it ran on, both in memory and on one made-up clock."""

import random
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from cryptick.audit import AuditLog
from cryptick.driven_run import DrivenRun
from cryptick.inputs import INPUTS, Input, InputLog, RunHeader, read_inputs, source_of
from cryptick.parity import Market
from cryptick.run_directory import RunDirectory
from cryptick.strategy.base import START, STOP, Strategy
from cryptick.xwrap_interface import Request
from exchange_wrapper.changes import LinePosted, OrderChanged, TradeMade
from exchange_wrapper.desk import Desk
from exchange_wrapper.errors import XWrapError
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.history import RecordingInfo
from exchange_wrapper.ledger import Ledger
from exchange_wrapper.live_book import BookState, LiveBook
from exchange_wrapper.market import BookLost, BookSnapshot, BookUpdate, MarketEvent, TradePrint
from exchange_wrapper.numbers import Lots, Ticks, format_amount
from exchange_wrapper.orders import OrderRequest
from exchange_wrapper.pair import Pair
from exchange_wrapper.paper_exchange import PaperExchange
from exchange_wrapper.telling import worth_telling
from exchange_wrapper.terms import OrderType, Side
from exchange_wrapper.times import MILLISECOND, SECOND, UtcNs, to_iso
from serving.wire import decode, encode

PAIR = Pair("BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.0001"))
MID = 10_000  # ticks
LATENCY_MS = 5
BTC = Decimal(10)
INCREMENTS = {
    "tick_size": "0.01", "lot_size": "0.0001", "min_order": "0.0001", "min_notional": "0"
}  # fmt: skip


class RecordedRun:
    """Let a strategy run, step by step, on a market that is drawn; what comes when is drawn too.

    xWrap commits and tells in batches, carries out what is due late or early, and answers late.
    """

    def __init__(
        self,
        folder: Path,
        strategy: type[Strategy],
        seed: int = 1,
        usd: int = 100_000,
        **params: Any,
    ):
        self.random = random.Random(seed)
        self.events: list[MarketEvent] = []
        self.now = self.start = UtcNs(1_600_000_000 * SECOND)
        self._stamp = self.now
        self._last_trade = self._bars = 0
        self.balances = {"gdax": {"USD": Decimal(usd), "BTC": BTC}}
        self._make_xwrap()
        self.strategy = strategy
        self.directory = RunDirectory.claim(folder, strategy.__name__)
        self.path = self.directory.path
        given = strategy.Params(**params)
        described = msgspec.to_builtins(given)
        source, source_hash = source_of(strategy)
        self.header = RunHeader(
            run_id=self.path.name,
            start=self.start,
            key=f"seed {seed}",
            wallet_set_id=self.set_id,
            strategy=strategy.__name__,
            source=source,
            source_hash=source_hash,
            params=described,
            balances=self.balances,
            currency="USD",
            traded=[("gdax", "BTC_USD")],
            prices=[("gdax", "BTC", "BTC_USD"), ("gdax", "USD", None)],
            exchanges={
                "gdax": {
                    "mode": "paper",
                    "latency_ms": LATENCY_MS,
                    "fees": {"maker": "0.004", "taker": "0.006"},
                    "increments": {"BTC_USD": INCREMENTS},
                }
            },
            url="ws://nowhere",
        )
        self._audit = AuditLog(self.path / "messages.jsonl", flush=True)
        self._log = InputLog(self.path / INPUTS, self.header)
        self.run = DrivenRun(self.header, strategy, given, self._audit, self.path / "components")
        self.run.components.__enter__()
        self.directory.update(mode="paper", params=described, state="running")
        self._requests: deque[Request] = deque()
        self._answers: deque[dict[str, Any]] = deque()
        self.market()
        self.put(START)
        self.put("wallet_set", self._wallet_set())

    # What happens

    def play(self, steps: int) -> None:
        """Take so many steps, each of a kind that is drawn."""
        kinds = (self.market, self.market, self.market, self.serve, self.tell, self.carry_out)
        for _ in range(steps):
            self.random.choice((*kinds, self.wake))()

    def finish(self) -> None:
        """End the run as a run ends."""
        self.put(STOP)
        self.put("end")
        while self._requests:
            self.serve()
        self._advance(UtcNs(self.now + 50 * MILLISECOND))
        self.tell()
        for order in list(self.desk.orders.values()):
            self.desk.cancel(order, self._tick())
        self._advance(UtcNs(self.now + 50 * MILLISECOND))
        self.tell()
        self.put("wallet_set", self._wallet_set())
        self.run.components.__exit__()
        self._log.__exit__()
        self._audit.__exit__()
        self.directory.update(state="stopped")

    def market(self) -> None:
        """Receive something of the venue."""
        draw, now = self.random, self._tick()
        event: MarketEvent
        if self.live.state is not BookState.LIVE:
            sides = [
                [(Ticks(MID + sign * n), Lots(draw.randint(1, 30_000))) for n in range(1, 8)]
                for sign in (-1, 1)
            ]
            event = BookSnapshot("BTC_USD", *sides, now, now)
        elif draw.random() < 0.02:
            event = BookLost("BTC_USD", "the connection was lost", now)
        elif draw.random() < 0.3:
            side = draw.choice(tuple(Side))
            self._last_trade += 1
            price = self.live.book.best_bid if side is Side.BUY else self.live.book.best_ask
            event = TradePrint(
                "BTC_USD", str(self._last_trade), price or Ticks(MID),
                Lots(draw.randint(1, 20_000)), side, now, now,
            )  # fmt: skip
        else:
            side = draw.choice(tuple(Side))
            price = Ticks(MID + (-1 if side is Side.BUY else 1) * draw.randint(1, 8))
            size = Lots(draw.choice((0, draw.randint(1, 30_000))))
            event = BookUpdate("BTC_USD", [(side, price, size)], now, now)
        self.receive(event)

    def receive(self, event: MarketEvent) -> None:
        """Receive this of the venue."""
        before = self.live.book.best_bid, self.live.book.best_ask
        self._advance(event.received_at)
        self.desk.execute("gdax", self.live.receive(event))
        self.events.append(event)
        if isinstance(event, TradePrint):
            self._hear_trade(event)
        best = self.live.book.best_bid, self.live.book.best_ask
        if best != before:
            bid, ask = (None if t is None else format_amount(PAIR.price(t)) for t in best)
            self.put("ticker", self._of_pair(bid=bid, ask=ask, time=to_iso(event.received_at)))

    def serve(self) -> None:
        """Carry out the oldest request, if there is one."""
        if not self._requests:
            return
        request, now = self._requests.popleft(), self._tick()
        answer: dict[str, Any] = {"request": request.number}
        try:
            self._advance(now)
            if request.method == "cancel_order":
                arguments = request.arguments
                self.desk.cancel_order(arguments["exchange"], arguments["client_order_id"], now)
            else:
                fields = dict(request.arguments)
                fields["cancel_after_s"] = fields.pop("cancel_after")
                self.desk.make_order(OrderRequest(**fields), now)
        except XWrapError as error:
            answer["error"] = {"code": error.jsonrpc_error_code, "message": error.message}
        self._answers.append(answer)

    def carry_out(self) -> None:
        """Let what is due happen although nothing comes of the venue."""
        self._advance(self._tick())

    def tell(self) -> None:
        """Commit, answer and tell what has happened since."""
        self._tick()
        changes = self.desk.take_changes()
        while self._answers:
            self.put("answer", self._answers.popleft())
        if any(isinstance(c, LinePosted) and c.wallet.set_id == self.set_id for c in changes):
            self.put("wallet_set", self._wallet_set())
        for change in worth_telling(changes):
            if not isinstance(change, OrderChanged | TradeMade):
                continue
            order = change.order
            told = (
                order.to_dict() if isinstance(change, OrderChanged) else change.trade.to_dict(order)
            )
            if order.request.wallet_set_id == self.set_id:
                self.put("order" if isinstance(change, OrderChanged) else "trade", told)
            elif isinstance(change, OrderChanged):
                self.others[order.id] = told

    def wake(self) -> None:
        """Fire the run's timers that are due."""
        self._drive(lambda: self.run.wake(UtcNs(self._next_stamp() + 1)))

    def bar(self) -> None:
        """Let the run hear of a candle, while it has a price to trade at."""
        if self.run.venue.quote("gdax", "BTC_USD") is None:
            return
        self._bars += 1
        price = Decimal(self.random.randint(90, 110))
        point = [1_600_000_000 + 300 * self._bars, price, price, price, price, Decimal(1), 0]
        self.put("candle", self._of_pair(freq="5m", points=[point]))

    def order_of_another(self, side: Side, size: str, limit: str | None = None) -> None:
        """Let another run make an order."""
        now = self._tick()
        self._advance(now)
        self.desk.make_order(
            OrderRequest(
                "another", f"other {now}", "gdax", "BTC_USD",
                OrderType.MARKET if limit is None else OrderType.LIMIT, side, Decimal(size),
                None if limit is None else Decimal(limit), self._other_set,
            ),
            now,
        )  # fmt: skip

    def put(self, method: str, params: Any = None) -> None:
        """Let the run take an input."""
        input = Input(self._next_stamp(), method, decode(encode(params)))
        self._log.write(input)
        self._drive(lambda: self.run.receive(input))

    # What is left of it

    def found(self, header: RunHeader, end: UtcNs) -> Market:
        """Return the market as xWrap would."""
        return Market("memory", self, list(self.others.values()))  # type: ignore[arg-type]

    def recordings(self) -> list[RecordingInfo]:
        """Return what is recorded."""
        first, last = self.events[0].received_at, self.events[-1].received_at
        tick, lot = PAIR.tick_size, PAIR.lot_size
        return [RecordingInfo("gdax", "BTC_USD", tick, lot, self.start, max(first, last), 1, 0)]

    def recorded_events(
        self, exchange: str, pair: str, start: UtcNs, end: UtcNs
    ) -> Iterator[MarketEvent]:
        """Return what was received."""
        return (event for event in self.events if event.received_at < end)

    def alter(self, change: Callable[[list[Input]], list[Input]] = list, **header: Any) -> None:
        """Write other inputs, or other fields of the header, than there were."""
        known, inputs = read_inputs(self.path / INPUTS)
        altered = change(list(inputs))
        (self.path / INPUTS).unlink()
        with InputLog(self.path / INPUTS, msgspec.structs.replace(known, **header)) as log:
            for input in altered:
                log.write(input)

    def _make_xwrap(self) -> None:
        self.paper = PaperExchange(latency_ns=LATENCY_MS * MILLISECOND)
        self.live = LiveBook(PAIR)
        self.live.attach(self.paper.add_pair(PAIR, self.live.book))
        ledger = Ledger()
        self.desk = Desk(ledger)
        fees = FeeSchedule(Decimal("0.004"), Decimal("0.006"))
        self.desk.add_exchange("gdax", {"BTC_USD": PAIR}, fees, self.paper)
        allocations = [("gdax", name, amount) for name, amount in self.balances["gdax"].items()]
        for place in allocations:
            ledger.deposit(*place, self.now)
            ledger.deposit(*place, self.now)
        self._other_set = ledger.create_set("another", allocations, self.now).id
        self.set_id = ledger.create_set("this", allocations, self.now).id
        self.others: dict[int, Any] = {}
        self.desk.take_changes()

    def _advance(self, now: UtcNs) -> None:
        self.now = max(self.now, now)
        self.desk.execute("gdax", self.paper.advance(now))

    def _tick(self) -> UtcNs:
        self.now = UtcNs(self.now + 1_000 * self.random.randint(1, 4_000))
        return self.now

    def _next_stamp(self) -> UtcNs:
        self._stamp = UtcNs(max(self._stamp + 1, self.now))
        return self._stamp

    def _drive(self, step: Callable[[], None]) -> None:
        step()
        self._requests += self.run.take_requests()

    def _hear_trade(self, trade: TradePrint) -> None:
        told = self._of_pair(
            price=format_amount(PAIR.price(trade.price)),
            size=format_amount(PAIR.size(trade.size)),
            taker_side=trade.maker_side.opposite.value,
            trade_id=trade.trade_id,
            time=to_iso(trade.time),
        )
        self.put("trades", told)

    def _of_pair(self, **fields: Any) -> dict[str, Any]:
        return {"exchange": "gdax", "pair": "BTC_USD", **fields}

    def _wallet_set(self) -> dict[str, Any]:
        wallets = self.desk.ledger.wallets_of(self.set_id)
        return {
            "id": self.set_id,
            "wallets": [
                {
                    "exchange": one.exchange,
                    "currency": one.currency,
                    "balance": format_amount(one.balance),
                    "available": format_amount(one.available),
                    "hold": format_amount(one.hold),
                }
                for one in wallets
            ],
        }
