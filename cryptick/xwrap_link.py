"""Drive a run by xWrap: each notification and answer becomes an input, each request a call.

While the connection is lost the run knows it, by the input ``away``. When it is there again it gets
``back``, then everything that the client has asked for since the last number, and goes on; a
request whose answer was lost is looked up, and never sent twice.
"""

import asyncio
from collections.abc import Callable, Coroutine
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
from exchange_wrapper.errors import (
    ExchangeNotReady,
    OrderRejected,
    Unavailable,
    UnknownName,
    XWrapError,
)
from exchange_wrapper.times import SECOND, UtcNs, to_iso

__all__ = ["XWrapLink"]

_AGAIN_S: Final = 0.5
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
    away_s : float
        How long xWrap may be away.
    tell : callable
        Gets in words that xWrap is away, and None when it is back.

    Attributes
    ----------
    is_away : bool
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
        away_s: float,
        tell: Callable[[str | None], None],
    ) -> None:
        self._run = run
        self._client = client
        self._set_id = set_id
        self._plan = plan
        self._log = log
        self._time = time
        self._fail = fail
        self._away_s = away_s
        self._tell = tell
        self.is_away = False
        self._present = asyncio.Event()
        self._present.set()
        self._held: list[tuple[str, Any]] = []  # what came before the run knows its wallets
        self._losses = 0
        self._complete = True  # all that was missed could be told
        self._deadline: asyncio.TimerHandle | None = None
        self._follows_candles = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = NEVER
        self._is_over = False
        self._all_done = asyncio.Event()
        self._asking: set[asyncio.Task[None]] = set()
        self._watching: set[asyncio.Task[None]] = set()
        for method in NOTIFICATIONS:
            client.on(method, self._putter(method))
        client.on_lost = self._lost
        client.on_back = self._back

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
                await self._tell_quote(exchange, pair)

    async def _tell_quote(self, exchange: str, pair: str) -> None:
        book = await self._client.get_book(exchange, pair, depth=1)
        if book["bids"] and book["asks"]:
            bid, ask = (book[side][0][0] for side in ("bids", "asks"))
            self.put("first_quote", {"exchange": exchange, "pair": pair, "bid": bid, "ask": ask})

    async def end(self, timeout_s: float) -> bool:
        """Cancel the run's open orders and tell whether all were done in time.

        From now on the strategy hears no market data, and its orders are refused.
        """
        self.put("end")
        if self.is_away:
            raise Unavailable("xWrap is away")
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.gather(*self._asking, return_exceptions=True)
                for client_oid, exchange in list(self._run.venue.open_orders.items()):
                    await self._client.cancel_order(exchange, client_oid)
                await self._until_done()
        except TimeoutError:
            return False
        self.put("wallet_set", await self._client.get_wallet_set(self._set_id))
        return True

    def close(self) -> None:
        """Let the run hear nothing more, and no timer fire."""
        self.put(BEAT)  # the record goes as far as the timers did
        self._is_over = True
        for pending in (self._timer, self._deadline, *self._asking, *self._watching):
            if pending is not None:
                pending.cancel()

    # While xWrap is away

    def _lost(self) -> None:
        self._losses += 1
        if self.is_away or self._is_over:
            return
        self.is_away = True
        self._present.clear()
        now = self.put("away")
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self._away_s, self._give_up)
        until = UtcNs(now + int(self._away_s * SECOND))
        self._tell(
            f"xWrap is away since {_time(now)}: no prices, no new orders; the run goes on when it "
            f"is back, and fails at {_time(until)}"
        )

    def _give_up(self) -> None:
        words = f"was away for {self._away_s:g} s; open orders stay there"
        self._fail(Unavailable(f"xWrap at {self._client.url} {words}"))

    def _back(self, complete: bool) -> None:
        if self.is_away:
            self._complete = self._complete and complete
            self._keep(self._come_back(self._losses), self._watching)

    async def _come_back(self, losses: int) -> None:
        """Let the run go on with what it missed.

        Where that is not everything, it gets its wallets first: orders and trades are then all
        that is told of them.
        """
        wallet_set = None
        while not self._complete and wallet_set is None and self._losses == losses:
            try:
                wallet_set = await self._client.get_wallet_set(self._set_id)
            except Unavailable:
                await asyncio.sleep(_AGAIN_S)
        if self._losses != losses:  # lost once more: who is called next goes on here
            return
        assert self._deadline is not None
        self._deadline.cancel()
        self.put("back", {"complete": self._complete, "wallet_set": wallet_set})
        self.is_away, self._complete = False, True
        held, self._held = self._held, []
        for method, params in held:
            self.put(method, params)
        self._present.set()
        self._tell(None)
        for market in self._plan.followed:
            self._keep(self._ask_for_quote(*market), self._watching)

    async def _ask_for_quote(self, exchange: str, pair: str) -> None:
        """Tell the best prices as soon as they are known; from then on each change is told."""
        losses = self._losses
        while self._losses == losses and self._run.venue.quote(exchange, pair) is None:
            try:
                await self._client.subscribe("ticker", exchange, pair)
                await self._tell_quote(exchange, pair)
            except Unavailable:  # the exchange starts, or xWrap is away again
                pass
            await asyncio.sleep(_AGAIN_S)

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
        self._keep(self._carry_out(request), self._asking)

    def _keep(self, work: Coroutine[Any, Any, None], tasks: "set[asyncio.Task[None]]") -> None:
        async def run() -> None:
            try:
                await work
            except Exception as error:
                self._fail(error)

        task = asyncio.create_task(run())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def _carry_out(self, request: Request) -> None:
        answer: dict[str, Any] = {"request": request.number}
        sent_before = False
        while True:
            try:
                await self._ask(request, sent_before)
                break
            except XWrapError as error:
                if type(error) is not Unavailable:
                    answer["error"] = msgspec.to_builtins(ErrorBody.of(error))
                    break
            # Nobody knows whether it was done: xWrap will, once it is there.
            sent_before = True
            await self._until_present()
        if request.method != "fetch_book":  # that is answered by a snapshot
            self.put("answer", answer)

    async def _ask(self, request: Request, sent_before: bool) -> None:
        client, arguments = self._client, request.arguments
        if request.method == "fetch_book":  # the first that a subscriber hears is a snapshot
            if not sent_before:
                await client.unsubscribe("book", **arguments)
            await client.subscribe("book", **arguments)
        elif request.method == "cancel_order":
            await client.cancel_order(**arguments)
        elif sent_before:
            try:
                await client.get_order(arguments["exchange"], arguments["client_oid"])
            except UnknownName:
                raise ExchangeNotReady(
                    "xWrap went away before it had the order: nothing was done, try again"
                ) from None
        else:
            status, reason = await client.make_order(**arguments)
            if status != "accepted":
                raise OrderRejected(reason)

    async def _until_present(self) -> None:
        """Wait until xWrap is there; where it was there all the time, a while."""
        if self._present.is_set():
            await asyncio.sleep(_AGAIN_S)
        await self._present.wait()

    def _putter(self, method: str) -> Callable[[Any], None]:
        set_of = _SET_OF.get(method)

        def put(params: Any) -> None:
            if set_of is not None and params[set_of] != self._set_id:
                return
            if self.is_away:
                self._held.append((method, params))
            else:
                self.put(method, params)

        return put


def _time(time: UtcNs) -> str:
    return f"{to_iso(time)[11:19]} UTC"
