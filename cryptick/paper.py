"""Run a strategy on live prices against a running xWrap: on paper, or with real money."""

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Self

import numpy as np

from cryptick.clock import Clock, RealClock
from cryptick.components import Components
from cryptick.errors import UsageError
from cryptick.hub import Audit, Hub
from cryptick.report import RunResult, Summary, write_report, write_summary
from cryptick.request import RunRequest
from cryptick.run_directory import RunDirectory, RunRecorder
from cryptick.strategy.base import START, STOP, RunContext
from cryptick.valuation import Plan, make_plan
from cryptick.xwrap_interface import XWrapInterface
from exchange_wrapper.client import XWrapClient
from exchange_wrapper.errors import ExchangeNotReady, Unavailable, UnknownName, XWrapError
from exchange_wrapper.terms import ExchangeStatus
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["PaperRun", "RunHandle"]

FILL_MODEL: Final = {
    "paper": "xWrap's paper engine on the live book",
    "live": "the exchange itself",
}


@dataclass(frozen=True)
class RunHandle:
    """A run for those who listen to it and steer it; ``fail`` ends it with an error."""

    hub: Hub
    plan: Plan
    venue: XWrapInterface
    fail: Callable[[Exception], None]


_BAR_S: Final = 300  # the bars that xWrap makes of trades
_READY_TIMEOUT_S: Final = 60.0
_READY_POLL_S: Final = 0.25
_HEARTBEAT_S: Final = 60.0
_SHOWN_AFTER_S: Final = 0.1  # components reach their files so late at most
_CANCEL_TIMEOUT_S: Final = 10.0


class PaperRun:
    """One paper or live run, from its wallet set to its summary; made by `prepare`.

    Parameters
    ----------
    request : RunRequest
    client : XWrapClient
    plan : Plan
    exchanges : mapping of str to dict
        What ``get_exchanges`` says, by name; those of the request are ready.
    """

    def __init__(
        self,
        request: RunRequest,
        client: XWrapClient,
        plan: Plan,
        exchanges: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self.request = request
        self.plan = plan
        self._client = client
        self._exchanges = exchanges
        self._curve: list[tuple[UtcNs, Decimal]] = []
        self._prices: list[list[float]] = []  # of all followed pairs at each point of the curve

    @classmethod
    async def prepare(cls, request: RunRequest, client: XWrapClient) -> Self:
        """Wait for the exchanges to be ready and choose the pairs.

        Raises
        ------
        UnknownName
            An exchange, currency or pair is not loaded in xWrap.
        UsageError
            The balances can't be counted in one currency, bars of another length are asked for, or
            an exchange is of another mode.
        ExchangeNotReady
            An exchange was not ready after a minute.
        """
        if request.freq_s not in (None, _BAR_S):
            raise UsageError("bars are 5m on paper: leave --freq out")
        needed = sorted(request.balances)
        try:
            async with asyncio.timeout(_READY_TIMEOUT_S):
                while True:
                    exchanges = {one["exchange"]: one for one in await client.get_exchanges()}
                    late = [
                        name
                        for name in needed
                        if name in exchanges and exchanges[name]["status"] != ExchangeStatus.READY
                    ]
                    if not late:
                        break
                    await asyncio.sleep(_READY_POLL_S)
        except TimeoutError:
            exchange = exchanges[late[0]]
            problem = exchange.get("problem") or "try again later"
            raise ExchangeNotReady(
                f"exchange {late[0]} is {exchange['status']}: {problem}"
            ) from None
        for name in needed:
            if name in exchanges and exchanges[name]["mode"] != request.mode:
                kind = exchanges[name]["mode"]
                raise UsageError(f"exchange {name} is a {kind} one: run with -m {kind} there")
        listed = {name: one["pairs"] for name, one in exchanges.items()}
        wanted = request.strategy.pairs(request.params, request.funded)
        plan = make_plan(wanted, request.funded, listed, "xWrap", UnknownName)
        return cls(request, client, plan, exchanges)

    async def run(
        self,
        directory: RunDirectory,
        audit: Audit,
        stop: asyncio.Event,
        say: Callable[[str], None],
        *,
        wallet_set_id: int | None = None,
        attach: Callable[[RunHandle], None] | None = None,
    ) -> Summary:
        """Run until ``stop`` is set, then cancel open orders and give the funds back.

        When the strategy fails its orders are cancelled too, but the wallet set stays.

        Parameters
        ----------
        say : callable
            Gets one readable line per fill, log line and minute.
        wallet_set_id : int, optional
            The run's wallet set, where it has one already.
        attach : callable, optional
            Lets others listen to the run and steer it.

        Raises
        ------
        HandlerFailed
            The strategy raised.
        Unavailable
            xWrap has gone; its orders stay as they are.
        """
        failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def fail(error: Exception) -> None:
            if not failure.done():
                failure.set_exception(error)

        clock = RealClock(fail)
        hub = Hub(clock, audit)
        start = clock.now()
        balances = self.request.wallets()
        set_id = wallet_set_id
        if set_id is None:
            set_id = await self._client.create_wallet_set(
                directory.run_id, [(*place, amount) for place, amount in balances.items()]
            )
        directory.update(wallet_set_id=set_id)
        venue = XWrapInterface(
            hub, self._client, directory.run_id, set_id, self.plan, self._exchanges, fail
        )
        components = Components(hub, directory.path / "components", flush_after_s=_SHOWN_AFTER_S)
        with RunRecorder(hub, directory, say) as recorder, components:
            request = self.request
            request.strategy(
                RunContext(
                    hub,
                    venue,
                    request.params,
                    request.funded,
                    self.plan.traded,
                    f"{directory.run_id} {start}",
                    components,
                )
            )
            if attach is not None:
                attach(RunHandle(hub, self.plan, venue, fail))
            recorder.log(f"run {directory.run_id} begins with wallet set {set_id}")
            try:
                needed_s = request.strategy.history_needed(request.params, request.funded)
                await venue.load_history(needed_s)
                hub.notify(START)
                await venue.start()
                initial = self.plan.equity(balances, venue.bid)
                first = {market: venue.bid(*market) for market in self.plan.followed}
                await self._until_end(venue, recorder, clock, failure, stop)
                hub.notify(STOP)
            finally:
                done = await _cancel(venue, recorder)
            end = clock.now()
            final, holdings = self._sample(venue, end), venue.holdings()
            if done:
                await self._client.deactivate_wallet_set(set_id)
            # To the end of its second, so that no fill before a point comes after it.
            time_s = np.array([-(-time // SECOND) for time, _ in self._curve], np.int64)
            equity = np.array([float(amount) for _, amount in self._curve])
            result = RunResult(
                request=self.request,
                plan=self.plan,
                source=f"xWrap at {self._client.url}",
                events=venue.heard,
                fill_model=FILL_MODEL[self.request.mode],
                fees={name: venue.fees(name) for name in self.request.balances},
                start=start,
                end=end,
                initial=initial,
                final=final,
                holdings=holdings,
                counts=recorder.counts,
                fills=recorder.fills,
                time_s=time_s,
                equity=equity,
                prices=dict(zip(self.plan.followed, np.array(self._prices).T, strict=True)),
                first_price=lambda exchange, pair: first[exchange, pair],
            )
            summary = write_summary(result, directory)
            write_report(result, summary, directory)
            return summary

    async def _until_end(
        self,
        venue: XWrapInterface,
        recorder: RunRecorder,
        clock: Clock,
        failure: asyncio.Future[None],
        stop: asyncio.Event,
    ) -> None:
        tasks = (
            asyncio.create_task(self._client.wait_closed()),
            asyncio.create_task(stop.wait()),
            asyncio.create_task(self._beat(venue, recorder, clock)),
        )
        try:
            await asyncio.wait((*tasks, failure), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        if failure.done():
            failure.result()
        if not stop.is_set():
            raise Unavailable(f"xWrap at {self._client.url} has gone; open orders stay there")

    async def _beat(self, venue: XWrapInterface, recorder: RunRecorder, clock: Clock) -> None:
        """Tell the equity once a minute."""
        while True:
            await asyncio.sleep(_HEARTBEAT_S)
            equity = self._sample(venue, clock.now())
            counts = recorder.counts
            recorder.log(
                f"equity {equity:,.2f} {self.plan.currency}, "
                f"{counts.orders} orders, {counts.trades} trades"
            )

    def _sample(self, venue: XWrapInterface, now: UtcNs) -> Decimal:
        """Count the equity at the best bids and add it to the curve."""
        equity = self.plan.equity(venue.holdings(), venue.bid)
        self._curve.append((now, equity))
        bids = (venue.bid(*market) for market in self.plan.followed)
        self._prices.append([math.nan if bid is None else float(bid) for bid in bids])
        return equity


async def _cancel(venue: XWrapInterface, recorder: RunRecorder) -> bool:
    """Cancel open orders; tell whether all are done."""
    try:
        done = await venue.cancel_all(_CANCEL_TIMEOUT_S)
    except XWrapError as error:
        recorder.log(f"open orders could not be cancelled: {error.message}")
        return False
    if not done:
        recorder.log("open orders were not cancelled in time; they and the wallet set stay")
    return done
