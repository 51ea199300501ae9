"""Drive a run by xWrap: each notification and answer becomes an input, each request a call."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import msgspec

from cryptick.clock import NEVER, RealTime
from cryptick.driven_run import BEAT, DrivenRun
from cryptick.inputs import Input, InputLog
from cryptick.messages import BAR, BOOK, TRADE, ErrorBody
from cryptick.valuation import Plan
from cryptick.xwrap_interface import BAR_FREQ_S, NOTIFICATIONS, Request
from exchange_wrapper.candles import format_freq
from exchange_wrapper.client import XWrapClient
from exchange_wrapper.errors import OrderRejected, Unavailable, XWrapError
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["XWrapLink"]

_FREQ: Final = format_freq(BAR_FREQ_S)
_SET_OF: Final = {"order": "wallet_set_id", "trade": "wallet_set_id", "wallet_set": "id"}
"""Which member names the wallet set: what is not of the run's does not reach it."""


class XWrapLink:
    """Connect a run with xWrap, on the event loop.

    Parameters
    ----------
    run : DrivenRun
    client : XWrapClient
        Connected.
    set_id : int
        The run's wallet set.
    plan : Plan
    log : InputLog
        Gets each input before the run does, and is flushed before a request is sent.
    time : RealTime
        Stamps the inputs.
    fail : callable
        Gets the error after which the run can't go on.
    """

    def __init__(
        self,
        run: DrivenRun,
        client: XWrapClient,
        set_id: int,
        plan: Plan,
        log: InputLog,
        time: RealTime,
        fail: Callable[[Exception], None],
    ) -> None:
        self._run = run
        self._client = client
        self._set_id = set_id
        self._plan = plan
        self._log = log
        self._time = time
        self._fail = fail
        self._follows_candles = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = NEVER
        self._is_over = False
        self._all_done = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        for method in NOTIFICATIONS:
            client.on(method, self._putter(method))

    def put(self, method: str, params: Any = None) -> UtcNs:
        """Let the run take an input now; return the time."""
        now = self._time.stamp()
        if not self._is_over:
            input = Input(now, method, params)
            self._log.write(input)
            self._drive(lambda: self._run.receive(input))
        return now

    async def load_history(self, needed_s: int) -> None:
        """Read the candles of the traded pairs of the last ``needed_s`` seconds."""
        if not needed_s:
            return
        self._follows_candles = True
        start_s = self._time.stamp() // SECOND - needed_s
        for exchange, pair in self._plan.traded:
            pages = self._client.iterate_ohlcv(exchange, pair, start=start_s, freq=_FREQ)
            async for points in pages:
                self.put("history", {"exchange": exchange, "pair": pair, "points": points})

    async def subscribe(self) -> None:
        """Read the wallets, subscribe to what the strategy listens to, and tell the prices."""
        self.put("wallet_set", await self._client.get_wallet_set(self._set_id))
        handlers = self._run.hub.market_handlers
        for exchange, pair in self._plan.followed:
            await self._client.subscribe("ticker", exchange, pair)
            if handlers(TRADE, exchange, pair):
                await self._client.subscribe("trades", exchange, pair)
            if self._follows_candles or handlers(BAR, exchange, pair):
                await self._client.subscribe("candles", exchange, pair)
            if handlers(BOOK, exchange, pair):
                await self._client.subscribe("book", exchange, pair)
        for exchange, pair in self._plan.followed:
            if self._run.venue.quote(exchange, pair) is None:
                book = await self._client.get_book(exchange, pair, depth=1)
                if book["bids"] and book["asks"]:
                    bid, ask = (book[side][0][0] for side in ("bids", "asks"))
                    best = {"exchange": exchange, "pair": pair, "bid": bid, "ask": ask}
                    self.put("first_quote", best)

    async def end(self, timeout_s: float) -> bool:
        """Cancel the run's open orders and tell whether all were done in time.

        From now on the strategy hears no market data, and its orders are refused.
        """
        self.put("end")
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for client_oid, exchange in list(self._run.venue.open_orders.items()):
            await self._client.cancel_order(exchange, client_oid)
        try:
            async with asyncio.timeout(timeout_s):
                await self._until_done()
        except TimeoutError:
            return False
        self.put("wallet_set", await self._client.get_wallet_set(self._set_id))
        return True

    def close(self) -> None:
        """Let the run hear nothing more, and no timer fire."""
        self.put(BEAT)  # the record goes as far as the timers did
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()

    async def _until_done(self) -> None:
        while self._run.venue.open_orders:
            self._all_done.clear()
            await self._all_done.wait()

    def _drive(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # nobody waits for a notification or a timer
            self._fail(error)
        requests = self._run.take_requests()
        if requests:
            self._log.flush()
            for request in requests:
                self._spawn(request)
        if not self._run.venue.open_orders:
            self._all_done.set()
        self._set_timer()

    def _set_timer(self) -> None:
        due = self._run.clock.next_due
        if due == self._timer_due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_due = None, due
        if due < NEVER:
            delay_s = max(0, due - self._time.stamp()) / SECOND
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._wake)

    def _wake(self) -> None:
        self._timer, self._timer_due = None, NEVER
        now = self._time.stamp()
        self._drive(lambda: self._run.wake(UtcNs(now + 1)))

    def _spawn(self, request: Request) -> None:
        async def run() -> None:
            try:
                await self._carry_out(request)
            except Exception as error:
                self._fail(error)

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, request: Request) -> None:
        client, arguments = self._client, request.arguments
        answer: dict[str, Any] = {"request": request.number}
        try:
            if request.method == "fetch_book":  # the first that a subscriber hears is a snapshot
                await client.unsubscribe("book", **arguments)
                await client.subscribe("book", **arguments)
                return
            if request.method == "cancel_order":
                await client.cancel_order(**arguments)
            else:
                status, reason = await client.make_order(**arguments)
                if status != "accepted":
                    raise OrderRejected(reason)
        except XWrapError as error:
            if type(error) is Unavailable:  # nobody knows whether it was done
                raise
            answer["error"] = msgspec.to_builtins(ErrorBody.of(error))
        self.put("answer", answer)

    def _putter(self, method: str) -> Callable[[Any], None]:
        set_of = _SET_OF.get(method)

        def put(params: Any) -> None:
            if set_of is None or params[set_of] == self._set_id:
                self.put(method, params)

        return put
