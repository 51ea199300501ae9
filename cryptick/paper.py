"""Run a strategy on live prices against a running xWrap: on paper, or with real money."""

import asyncio
import math
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any, Final, Self

import numpy as np

from cryptick.clock import RealTime
from cryptick.control import AWAY_S
from cryptick.driven_run import BEAT, PAUSE, POST, RESUME, DrivenRun
from cryptick.errors import UsageError
from cryptick.hub import Audit
from cryptick.inputs import INPUTS, InputLog, RunHeader, describe_plan, source_of
from cryptick.report import RunResult, Summary, write_report, write_summary
from cryptick.request import RunRequest
from cryptick.run_directory import RunDirectory, RunRecorder
from cryptick.strategy.base import START, STOP
from cryptick.valuation import Plan, make_plan
from cryptick.xwrap_interface import BAR_FREQ_S, XWrapInterface
from cryptick.xwrap_link import XWrapLink
from exchange_wrapper.client import XWrapClient
from exchange_wrapper.errors import ExchangeNotReady, Unavailable, UnknownName, XWrapError
from exchange_wrapper.numbers import format_amount
from exchange_wrapper.terms import ExchangeStatus
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["PaperRun", "RunHandle"]

FILL_MODEL: Final = {
    "paper": "xWrap's paper engine on the live book",
    "live": "the exchange itself",
}


class RunHandle:
    """A run for those who listen to it and steer it: all they do is on its record.

    Attributes
    ----------
    run : DrivenRun
    plan : Plan
    """

    def __init__(self, run: DrivenRun, plan: Plan, put: Callable[[str, Any], UtcNs]) -> None:
        self.run = run
        self.plan = plan
        self._put = put

    def pause(self) -> None:
        """Let the strategy hear nothing of the market, and no timer, until `resume`."""
        self._put(PAUSE, None)

    def resume(self) -> None:
        """End a pause."""
        self._put(RESUME, None)

    def post(self, text: str) -> None:
        """Post a call of the user, in the hub's JSON form; ``run.tell_user`` gets the answer."""
        self._put(POST, text)


_READY_TIMEOUT_S: Final = 60.0
_READY_POLL_S: Final = 0.25
_HEARTBEAT_S: Final = 60.0
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
        if request.freq_s not in (None, BAR_FREQ_S):
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
        away_s: float = AWAY_S,
        tell_away: Callable[[str | None], None] = lambda words: None,
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
        away_s : float
            How long xWrap may be away before the run fails.
        tell_away : callable
            Gets in words that xWrap is away, and None when it is back.

        Raises
        ------
        HandlerFailed
            The strategy raised.
        Unavailable
            xWrap was away for too long, or when the run was to end; its orders stay as they are.
        """
        failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def fail(error: Exception) -> None:
            if not failure.done():
                failure.set_exception(error)

        def check() -> None:
            if failure.done():
                failure.result()

        time = RealTime()
        start = time.stamp()
        balances = self.request.wallets()
        set_id = wallet_set_id
        if set_id is None:
            set_id = await self._client.create_wallet_set(
                directory.run_id, [(*place, amount) for place, amount in balances.items()]
            )
        directory.update(wallet_set_id=set_id)
        header = self._header(directory.run_id, start, set_id)
        request = self.request
        run = DrivenRun(
            header, request.strategy, request.params, audit, directory.path / "components"
        )
        venue = run.venue
        with (
            RunRecorder(run.hub, directory, say) as recorder,
            run.components,
            InputLog(directory.path / INPUTS, header) as log,
        ):

            def tell(words: str | None) -> None:
                recorder.log(words or "xWrap is back")
                tell_away(words)

            link = XWrapLink(run, self._client, set_id, self.plan, log, time, fail, away_s, tell)
            if attach is not None:
                attach(RunHandle(run, self.plan, link.put))
            recorder.log(f"run {directory.run_id} begins with wallet set {set_id}")
            try:
                needed_s = request.strategy.history_needed(request.params, request.funded)
                await link.load_history(needed_s)
                link.put(START)
                check()
                await link.subscribe()
                check()
                initial = self.plan.equity(balances, venue.bid)
                directory.update(initial_equity=format_amount(initial), currency=self.plan.currency)
                first = {market: venue.bid(*market) for market in self.plan.followed}
                await self._until_end(link, venue, recorder, failure, stop)
                link.put(STOP)
                check()
            finally:
                done = await _end(link, recorder)
            end = time.stamp()
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

    def _header(self, run_id: str, start: UtcNs, set_id: int) -> RunHeader:
        request = self.request
        source, source_hash = source_of(request.strategy)
        followed: dict[str, set[str]] = {}
        for exchange, pair in self.plan.followed:
            followed.setdefault(exchange, set()).add(pair)
        return RunHeader(
            run_id=run_id,
            start=start,
            key=f"{run_id} {start}",
            wallet_set_id=set_id,
            strategy=request.strategy.__name__,
            source=source,
            source_hash=source_hash,
            params=request.describe_params(),
            balances={name: dict(wallets) for name, wallets in request.balances.items()},
            exchanges={
                name: _of_pairs(self._exchanges[name], followed.get(name, set()))
                for name in request.balances
            },
            url=self._client.url,
            **describe_plan(self.plan),
        )

    async def _until_end(
        self,
        link: XWrapLink,
        venue: XWrapInterface,
        recorder: RunRecorder,
        failure: asyncio.Future[None],
        stop: asyncio.Event,
    ) -> None:
        tasks = (
            asyncio.create_task(self._client.wait_closed()),
            asyncio.create_task(stop.wait()),
            asyncio.create_task(self._beat(link, venue, recorder)),
        )
        try:
            await asyncio.wait((*tasks, failure), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        if failure.done():
            failure.result()
        if link.is_away or not stop.is_set():
            raise Unavailable(f"xWrap at {self._client.url} has gone; open orders stay there")

    async def _beat(self, link: XWrapLink, venue: XWrapInterface, recorder: RunRecorder) -> None:
        """Tell the equity once a minute."""
        while True:
            await asyncio.sleep(_HEARTBEAT_S)
            equity = self._sample(venue, link.put(BEAT))
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


async def _end(link: XWrapLink, recorder: RunRecorder) -> bool:
    """Cancel open orders and hear nothing more; tell whether all are done."""
    try:
        done = await link.end(_CANCEL_TIMEOUT_S)
    except XWrapError as error:
        recorder.log(f"open orders could not be cancelled: {error.message}")
        return False
    finally:
        link.close()
    if not done:
        recorder.log("open orders were not cancelled in time; they and the wallet set stay")
    return done


def _of_pairs(exchange: Mapping[str, Any], pairs: Collection[str]) -> dict[str, Any]:
    """Return as much of what ``get_exchanges`` says as concerns these pairs."""
    increments = {name: exchange["increments"][name] for name in sorted(pairs)}
    return {**exchange, "pairs": sorted(pairs), "increments": increments}
