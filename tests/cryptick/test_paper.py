import asyncio
import json
import tempfile
import time
import unittest
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

from cryptick import paper, xwrap_link
from cryptick.audit import AuditLog
from cryptick.book_view import BookView
from cryptick.components import COMPONENT_POST, Pressed
from cryptick.errors import HandlerFailed, UsageError
from cryptick.inputs import INPUTS, read_inputs
from cryptick.messages import Bar, Call, Fill, MarketTrade, OrderUpdate, Quote, encode
from cryptick.paper import PaperRun, RunHandle
from cryptick.report import Summary
from cryptick.request import RunRequest
from cryptick.run_directory import RunDirectory
from cryptick.run_replay import RunReplay
from cryptick.strategy.base import Strategy
from cryptick.strategy.hodl import HodlStrategy
from exchange_wrapper.client import XWrapClient
from exchange_wrapper.errors import ExchangeNotReady, Unavailable, UnknownName
from tests.cryptick.fake_xwrap import FakeXWrap

Script = Callable[[], object]


class PaperCase(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.said: list[str] = []
        self.runs: list[tuple[type[Strategy], Path]] = []

    async def asyncSetUp(self) -> None:
        self.xwrap = FakeXWrap()

    def request(self, strategy: type[Strategy], **more: Any) -> RunRequest:
        balances = more.pop("balances", {"gdax": {"USD": Decimal(1000)}})
        return RunRequest(strategy, strategy.Params(), "paper", balances, **more)

    async def run_paper(self, strategy: type[Strategy], *script: Script) -> Summary:
        """Run until all steps of a script have been taken, each after the loop came to rest."""
        client = cast(XWrapClient, self.xwrap)
        run = await PaperRun.prepare(self.request(strategy), client)
        stop = asyncio.Event()
        directory = RunDirectory.claim(self.root, strategy.__name__)
        self.path = directory.path
        self.runs.append((strategy, self.path))
        self.handles: list[RunHandle] = []

        async def play() -> None:
            for step in (*script, stop.set):
                for _ in range(20):
                    await asyncio.sleep(0)
                step()

        player = asyncio.create_task(play())
        try:
            with AuditLog(self.path / "messages.jsonl", flush=True) as audit:
                return await run.run(
                    directory, audit, stop, self.said.append, attach=self.handles.append
                )
        finally:
            player.cancel()

    def tearDown(self) -> None:
        """Check that the inputs of each run lead to the same messages again."""
        for strategy, path in self.runs:
            header, inputs = read_inputs(path / INPUTS)
            replay = RunReplay(header, strategy, strategy.Params(), path / "messages.jsonl")
            with tempfile.TemporaryDirectory() as scratch:
                replay.run(inputs, Path(scratch))
            self.assertIsNone(replay.difference)
            self.assertGreater(replay.counts["messages"], 0)

    def rows(self, name: str) -> list[list[str]]:
        return [line.split(",") for line in (self.path / name).read_text().splitlines()[1:]]


class Modes(PaperCase):
    async def test_a_run_trades_in_the_mode_of_its_exchange_only(self) -> None:
        client = cast(XWrapClient, self.xwrap)
        for asked, there in (("paper", "live"), ("live", "paper"), ("live", "live")):
            with self.subTest(asked, there=there):
                self.xwrap.mode = there
                request = replace(self.request(HodlStrategy), mode=asked)
                if asked == there:
                    await PaperRun.prepare(request, client)
                    continue
                with self.assertRaisesRegex(UsageError, f"is a {there} one: run with -m {there}"):
                    await PaperRun.prepare(request, client)

    async def test_a_run_that_has_a_wallet_set_takes_that_one(self) -> None:
        held = [("gdax", "USD", Decimal(1000))]
        set_id = await self.xwrap.create_wallet_set("x", held)
        run = await PaperRun.prepare(self.request(HodlStrategy), cast(XWrapClient, self.xwrap))
        directory = RunDirectory.claim(self.root, "x")
        handles: list[RunHandle] = []
        stop = asyncio.Event()
        with AuditLog(directory.path / "messages.jsonl", flush=True) as audit:
            stop.set()
            await run.run(
                directory,
                audit,
                stop,
                self.said.append,
                wallet_set_id=set_id,
                attach=handles.append,
            )
        self.assertEqual(directory.fields["wallet_set_id"], set_id)
        self.assertEqual(handles[0].plan.currency, "USD")


class Runs(PaperCase):
    async def test_hodl_buys_with_all_it_has_and_gives_the_funds_back(self) -> None:
        summary = await self.run_paper(HodlStrategy)
        # 1000 / (100 × 1.002) → 9.98 BTC for 998 and a fee of 1.996; counted at the bid of 99.
        self.assertEqual(summary.final_equity, "988.024")
        self.assertEqual((summary.orders, summary.trades), (1, 1))
        held = {row.currency: row.balance for row in summary.wallets}
        self.assertEqual(held, {"BTC": "9.98", "USD": "0.004"})
        pool = {w.currency: w.settled for w in self.xwrap.ledger.wallets_of(None)}
        self.assertEqual(pool, {"BTC": Decimal("9.98"), "USD": Decimal("999000.004")})
        self.assertEqual(self.xwrap.ledger.audit(), [])
        self.assertIn("bought 9.98 BTC at 100 on gdax (998 USD, fee 1.996)", self.said)

    async def test_who_hears_of_a_fill_finds_it_in_the_wallets_once(self) -> None:
        found: list[Decimal] = []

        class Looks(HodlStrategy):
            def on_fill(self, fill: Fill) -> None:
                found.append(self.wallet("BTC").balance)

            def on_order(self, order: OrderUpdate) -> None:
                if order.is_done:
                    found.append(self.wallet("BTC").balance)

        await self.run_paper(Looks)
        self.assertEqual(found, [Decimal("9.98")] * 2)
        self.assertEqual([row[9] for row in self.rows("orders.csv")], ["done"])
        self.assertEqual(len(self.rows("trades.csv")), 1)

    async def test_a_strategy_hears_the_market_its_orders_and_its_wallets(self) -> None:
        heard: list[object] = []

        class Listens(Strategy):
            def on_bar(self, bar: Bar) -> None:
                heard.append(("bar", bar.freq_s, bar.open, bar.high, bar.low, bar.close))

            def on_trade(self, trade: MarketTrade) -> None:
                heard.append(("trade", trade.price, trade.side))

            def on_quote(self, quote: Quote) -> None:
                heard.append(("book", quote.bid, quote.ask))
                if quote.ask == 101:
                    self.buy_limit(quote.pair, Decimal(2), Decimal(98))

            def on_order(self, order: OrderUpdate) -> None:
                heard.append((order.status.value, order.filled_size))

            def on_fill(self, fill: Fill) -> None:
                wallets = self.wallet("BTC").available, self.wallet("USD").balance
                heard.append(("fill", fill.price, fill.maker, *wallets))

        pair = {"exchange": "gdax", "pair": "BTC_USD"}
        time = "2026-01-01T00:00:00.000000Z"
        trade = {**pair, "price": "99.5", "size": "1", "taker_side": "buy", "time": time}
        numbers = [Decimal(n) for n in ("90", "110", "100", "105", "7")]
        candle = {**pair, "freq": "5m", "points": [[300, *numbers, 600]]}
        summary = await self.run_paper(
            Listens,
            lambda: self.xwrap.tell("trades", **trade),
            lambda: self.xwrap.tell("candle", **candle),
            lambda: self.xwrap.tell_ticker(None, None),
            lambda: self.xwrap.tell_ticker("99", "101"),
            self.xwrap.sell_into_bids,
        )
        channels = {channel for channel, *_ in self.xwrap.subscribed}
        self.assertEqual(channels, {"ticker", "trades", "candles"})
        self.assertEqual(
            heard,
            [
                ("book", 99, 100),
                ("trade", Decimal("99.5"), "buy"),
                ("bar", 300, 100.0, 110.0, 90.0, 105.0),
                ("book", 99, 101),
                ("received", 0),
                ("open", 0),
                ("fill", 98, True, 2, Decimal("803.804")),
                ("open", 2),
                ("done", 2),
            ],
        )
        self.assertEqual(summary.events, {"quotes": 2, "trades": 1, "bars": 1})

    async def test_a_paused_run_hears_the_newest_quote_when_it_goes_on_and_takes_posts(
        self,
    ) -> None:
        heard: list[object] = []
        answers: list[str] = []

        class Listens(Strategy):
            def on_start(self) -> None:
                self.components.button("buy", title="Buy")

            def on_quote(self, quote: Quote) -> None:
                heard.append(quote.ask)

            def on_input(self, post: object) -> None:
                heard.append(post)
                self.buy_market("BTC_USD", size=Decimal(1))

        press = Call(COMPONENT_POST, ("buy", "1"), "me.1")
        wrong = Call(COMPONENT_POST, ("sell", "1"), "me.2")

        def handle() -> RunHandle:
            self.handles[0].run.tell_user = answers.append
            return self.handles[0]

        summary = await self.run_paper(
            Listens,
            lambda: handle().pause(),
            lambda: self.xwrap.tell_ticker("99", "101"),
            lambda: self.xwrap.tell_ticker("99", "102"),
            lambda: handle().post(encode(press).decode()),
            lambda: handle().post(encode(wrong).decode()),
            lambda: handle().post("nonsense"),
            lambda: heard.append("paused"),
            lambda: handle().resume(),
        )
        self.assertEqual(heard, [100, Pressed("buy", "1"), "paused", 102])
        self.assertEqual(summary.trades, 1)
        told = [json.loads(text) for text in answers]
        self.assertEqual([one["method"] for one in told], ["me.1", "me.2", "error"])
        self.assertEqual(["error" in one for one in told], [False, True, True])

    async def test_a_book_is_followed_and_fetched_anew_after_a_gap(self) -> None:
        heard: list[tuple[Decimal | None, Decimal | None]] = []

        class Watches(Strategy):
            def on_book(self, book: BookView) -> None:
                heard.append((book.bid, book.ask))
                if book.bid == 98:
                    self.log(f"98 on {book.exchange}")

        def tell(type: str, sequence: int, bid: str) -> Script:
            levels = {"bids": [[bid, "1"]], "asks": [["100", "1"]]}
            time = "2026-01-01T00:00:00.000000Z"
            pair = {"exchange": "gdax", "pair": "BTC_USD"}
            return lambda: self.xwrap.tell(
                "book", **pair, type=type, sequence=sequence, time=time, **levels
            )

        def count_subscriptions() -> None:
            self.xwrap.history.append([self.xwrap.subscribed.count(("book", "gdax", "BTC_USD"))])

        summary = await self.run_paper(
            Watches,
            tell("snapshot", 1, "97"),
            tell("update", 2, "98"),
            tell("update", 4, "99"),
            tell("update", 5, "99"),
            tell("snapshot", 5, "97.5"),
            count_subscriptions,
        )
        self.assertEqual(heard, [(97, 100), (98, 100), (Decimal("97.5"), 100)])
        self.assertEqual(summary.events["books"], 3)
        self.assertEqual(self.xwrap.history, [[1]])
        lines = (self.path / "messages.jsonl").read_text().splitlines()
        (cause,) = (json.loads(line)["cause"] for line in lines if "98 on gdax" in line)
        self.assertEqual((cause["method"], cause["pair"]), ("exchange.book", "BTC_USD"))

    async def test_candles_of_before_the_start_are_there_when_it_starts(self) -> None:
        closes: list[list[float]] = []

        class Remembers(Strategy):
            @classmethod
            def history_needed(cls, params: object, funded: object) -> int:
                return 86_400

            def on_start(self) -> None:
                closes.append(self.candles("BTC_USD", 300, 5).floats("close").tolist())

            def on_stop(self) -> None:
                closes.append(self.candles("BTC_USD", 300, 5).floats("close").tolist())

        now_s = int(time.time()) // 300 * 300

        def point(bars_ago: int, price: float) -> list[object]:
            return [now_s - bars_ago * 300, price, price, price, price, 1.5, 0]

        self.xwrap.history = [point(9999, 1.0), point(4, 2.5), point(3, 3.5)]
        pair = {"exchange": "gdax", "pair": "BTC_USD"}
        newer = [point(3, 3.5), point(2, 4.5)]
        await self.run_paper(
            Remembers, lambda: self.xwrap.tell("candle", **pair, freq="5m", points=newer)
        )
        self.assertEqual(closes, [[2.5, 3.5], [2.5, 3.5, 4.5]])

    async def test_open_orders_are_cancelled_at_the_end(self) -> None:
        class Rests(Strategy):
            def on_quote(self, quote: Quote) -> None:
                self.buy_limit(quote.pair, Decimal(1), Decimal(50))

        await self.run_paper(Rests)
        self.assertEqual([row[10] for row in self.rows("orders.csv")], ["cancelled"])
        self.assertEqual(self.xwrap.desk.orders, {})
        (path,) = self.root.iterdir()
        lines = (path / "messages.jsonl").read_text().splitlines()
        sequence = [json.loads(line)["sequence"] for line in lines]
        self.assertEqual(sequence, list(range(1, len(lines) + 1)))

    async def test_orders_that_can_not_be_cancelled_keep_their_wallet_set(self) -> None:
        class Rests(Strategy):
            def on_quote(self, quote: Quote) -> None:
                self.buy_limit(quote.pair, Decimal(1), Decimal(50))

        self.xwrap.deaf = True
        with patch.object(paper, "_CANCEL_TIMEOUT_S", 0.0):
            await self.run_paper(Rests)
        self.assertEqual(len(self.xwrap.desk.orders), 1)
        self.assertIn("were not cancelled in time", "\n".join(self.said))

    async def test_a_sale_pays_at_once_and_an_order_can_be_taken_back(self) -> None:
        wallets: list[tuple[Decimal, Decimal]] = []

        class Trades(Strategy):
            def on_quote(self, quote: Quote) -> None:
                self.resting = self.buy_limit(quote.pair, Decimal(1), Decimal(50))
                self.buy_market(quote.pair, size=Decimal(2))

            def on_fill(self, fill: Fill) -> None:
                wallets.append((self.wallet("BTC").balance, self.wallet("USD").balance))
                if fill.side == "buy":
                    self.cancel(self.resting)
                    self.sell_market(fill.pair, size=fill.size)

        summary = await self.run_paper(Trades)
        # 1000 − 200 − 0.4, then + 198 − 0.396.
        expected = [(Decimal(2), Decimal("799.6")), (Decimal(0), Decimal("997.204"))]
        self.assertEqual(wallets, expected)
        self.assertEqual((summary.final_equity, summary.trades), ("997.204", 2))
        reasons = sorted(row[10] for row in self.rows("orders.csv"))
        self.assertEqual(reasons, ["cancelled", "filled", "filled"])

    async def test_the_equity_is_told_now_and_then_and_the_time_goes_on(self) -> None:
        with patch.object(paper, "_HEARTBEAT_S", 0.0):
            await self.run_paper(HodlStrategy)
        times = [line[:27] for line in (self.path / "run.log").read_text().splitlines()]
        self.assertIn("equity 988.02 USD, 1 orders, 1 trades", "\n".join(self.said))
        self.assertEqual(times, sorted(times))
        self.assertGreater(len(set(times)), 3)

    async def test_a_refused_order_is_heard_of(self) -> None:
        heard: list[OrderUpdate] = []

        class Greedy(Strategy):
            def on_quote(self, quote: Quote) -> None:
                self.buy_market(quote.pair, size=Decimal(1000))

            def on_order(self, order: OrderUpdate) -> None:
                heard.append(order)

        summary = await self.run_paper(Greedy)
        self.assertEqual([order.done_reason for order in heard], ["rejected"])
        self.assertIn("is needed but only 1000 is", heard[0].message)
        self.assertEqual(summary.final_equity, "1000")


class Failures(PaperCase):
    async def test_a_strategy_that_raises_ends_the_run_wherever_it_does(self) -> None:
        def fail(*_: object) -> None:
            raise KeyError("oh")

        def fail_later(self: Strategy) -> None:
            self.at(self.now(), fail)

        for callback in ({"on_start": fail}, {"on_quote": fail}, {"on_start": fail_later}):
            with self.subTest(callback=callback), self.assertRaises(HandlerFailed):
                await self.run_paper(type("Fails", (Strategy,), callback))

    async def test_its_orders_are_cancelled_then_and_no_new_ones_are_made(self) -> None:
        class Fails(Strategy):
            def on_quote(self, quote: Quote) -> None:
                self.buy_limit(quote.pair, Decimal(1), Decimal(50))

            def on_order(self, order: OrderUpdate) -> None:
                if order.status == "open":
                    raise KeyError("oh")
                if order.done_reason == "cancelled":
                    self.buy_limit(order.pair, Decimal(2), Decimal(50))

        with self.assertRaises(HandlerFailed):
            await self.run_paper(Fails)
        self.assertEqual(self.xwrap.desk.orders, {})

    async def test_xwrap_going_away_ends_the_run(self) -> None:
        class Rests(Strategy):
            def on_quote(self, quote: Quote) -> None:
                self.buy_limit(quote.pair, Decimal(1), Decimal(50))

        with self.assertRaisesRegex(Unavailable, "has gone"):
            await self.run_paper(Rests, self.xwrap.close)
        self.assertIn("could not be cancelled", "\n".join(self.said))


class Absence(PaperCase):
    """The connection to xWrap is lost, and made again."""

    def setUp(self) -> None:
        super().setUp()
        self.enterContext(patch.object(xwrap_link, "_AGAIN_S", 0.0))
        self.heard = heard = []

        class Hears(Strategy):
            """Tell everything; buy at an ask of 101."""

            def on_quote(self, quote: Quote) -> None:
                heard.append(f"quote {quote.bid:.0f} {quote.ask:.0f}")
                if quote.ask == 101:
                    self.buy_limit(quote.pair, Decimal(1), Decimal(98))

            def on_order(self, order: OrderUpdate) -> None:
                heard.append(f"{order.status} {order.message}".strip())

            def on_fill(self, fill: Fill) -> None:
                heard.append(f"{fill.size} BTC, {self.wallet('BTC', 'gdax').balance:.0f} in all")

        self.hears = Hears

    def order(self) -> None:
        self.xwrap.tell_ticker("99", "101")

    async def test_what_happened_meanwhile_is_told_once_and_in_order(self) -> None:
        def fill() -> None:
            self.xwrap.sell_into_bids()

        for complete in (True, False):
            with self.subTest(complete=complete):
                self.xwrap = FakeXWrap()
                self.heard.clear()
                await self.run_paper(
                    self.hears,
                    self.order,
                    self.xwrap.lose,
                    fill,
                    lambda complete=complete: self.xwrap.come_back(complete),
                    lambda: self.xwrap.tell_ticker("97", "99"),
                )
                self.assertEqual(
                    self.heard,
                    [
                        "quote 99 100", "quote 99 101", "received", "open",
                        "1 BTC, 1 in all", "open", "done", "quote 97 98", "quote 97 99",
                    ],
                )  # fmt: skip
        said = "\n".join(self.said)
        self.assertIn("xWrap is away since", said)
        self.assertIn("xWrap is back", said)

    async def test_a_connection_that_is_lost_again_at_once_is_waited_for_once_more(self) -> None:
        def back_and_gone() -> None:
            self.xwrap.come_back(complete=False)
            self.xwrap.lose()

        await self.run_paper(
            self.hears,
            self.order,
            self.xwrap.lose,
            self.xwrap.sell_into_bids,
            back_and_gone,
            self.xwrap.come_back,
            lambda: None,
        )
        told = [line for line in self.heard if "quote" not in line]
        self.assertEqual(told, ["received", "open", "1 BTC, 1 in all", "open", "done"])
        self.assertEqual("\n".join(self.said).count("xWrap is back"), 1)

    async def test_meanwhile_no_price_is_known_and_orders_are_refused(self) -> None:
        class Insists(Strategy):
            """Order now and then whatever is known, until one was refused."""

            def on_start(self) -> None:
                self.known = True
                self.every(0.001, self.buy)

            def buy(self) -> None:
                if self.known:
                    self.known = self.quote("BTC_USD", "gdax") is not None
                    self.buy_limit("BTC_USD", Decimal("0.001"), Decimal(50))

            def on_order(self, order: OrderUpdate) -> None:
                if order.is_done and order.done_reason == "rejected":
                    self.log(order.message)

        refused, stop = asyncio.Event(), asyncio.Event()

        def hear(line: str) -> None:
            if "nothing was sent" in line:
                refused.set()

        run = await PaperRun.prepare(self.request(Insists), cast(XWrapClient, self.xwrap))
        directory = RunDirectory.claim(self.root, "Insists")
        self.runs.append((Insists, directory.path))
        handles: list[RunHandle] = []
        with AuditLog(directory.path / "messages.jsonl", flush=True) as audit:
            running = asyncio.create_task(
                run.run(directory, audit, stop, hear, attach=handles.append)
            )
            async with asyncio.timeout(30):
                while not self.xwrap.made:  # noqa: ASYNC110 - it is but a fake
                    await asyncio.sleep(0)
                self.xwrap.lose()
                self.assertIsNone(handles[0].run.venue.quote("gdax", "BTC_USD"))
                made = self.xwrap.made
                await refused.wait()
                self.assertEqual(self.xwrap.made, made)
                self.xwrap.come_back()
                while handles[0].run.venue.quote("gdax", "BTC_USD") is None:  # noqa: ASYNC110
                    await asyncio.sleep(0)
                stop.set()
                await running

    async def test_an_order_whose_answer_was_lost_is_made_once(self) -> None:
        def lose_answer() -> None:
            self.xwrap.loses_answers = True
            self.order()

        def back() -> None:
            self.xwrap.loses_answers = False
            self.xwrap.come_back()

        await self.run_paper(self.hears, lose_answer, back, lambda: None)
        self.assertEqual(self.xwrap.made, 1)
        self.assertEqual(self.heard[2:4], ["received", "open"])

    async def test_an_order_that_never_arrived_is_refused_and_may_be_tried_again(self) -> None:
        def lose() -> None:
            self.order()  # what it decides is sent in the next turn, when nobody is there
            self.xwrap.lose()

        await self.run_paper(self.hears, lose, self.xwrap.come_back, lambda: None)
        self.assertEqual(self.xwrap.made, 0)
        self.assertIn("before it had the order", "\n".join(self.heard))

    async def test_an_absence_that_is_too_long_or_lasts_to_the_end_fails_the_run(self) -> None:
        with self.assertRaisesRegex(Unavailable, "has gone; open orders stay"):
            await self.run_paper(self.hears, self.order, self.xwrap.lose)
        self.assertIn("could not be cancelled: xWrap is away", "\n".join(self.said))
        self.xwrap = FakeXWrap()
        client = cast(XWrapClient, self.xwrap)
        run = await PaperRun.prepare(self.request(self.hears), client)
        directory = RunDirectory.claim(self.root, "Hears")
        away: list[str | None] = []

        def attach(_: RunHandle) -> None:
            asyncio.get_running_loop().call_later(0.01, self.xwrap.lose)

        with (
            AuditLog(directory.path / "messages.jsonl", flush=True) as audit,
            self.assertRaisesRegex(Unavailable, "was away for 0.02 s; open orders stay there"),
        ):
            await run.run(
                directory, audit, asyncio.Event(), self.said.append,
                attach=attach, away_s=0.02, tell_away=away.append,
            )  # fmt: skip
        self.assertEqual([words is not None for words in away], [True])


class Preparation(PaperCase):
    async def test_it_waits_for_the_exchange(self) -> None:
        self.xwrap.statuses = ["starting", "degraded", "ready"]
        with patch.object(paper, "_READY_POLL_S", 0.0):
            await self.run_paper(HodlStrategy)
        self.assertEqual(self.xwrap.statuses, ["ready"])

    async def test_what_is_not_loaded_or_not_ready_is_said(self) -> None:
        table: tuple[tuple[dict[str, Any], type[Exception], str], ...] = (
            ({"balances": {"x": {"USD": Decimal(1)}}}, UnknownName, "no exchange 'x'"),
            ({"balances": {"gdax": {"EUR": Decimal(1)}}}, UnknownName, "no pair of EUR on gdax"),
            ({"freq_s": 60}, UsageError, "bars are 5m on paper"),
        )
        client = cast(XWrapClient, self.xwrap)
        for fields, error, words in table:
            with self.subTest(fields=fields), self.assertRaisesRegex(error, words):
                await PaperRun.prepare(self.request(HodlStrategy, **fields), client)
        self.xwrap.statuses = ["stopped"]
        with (
            patch.object(paper, "_READY_TIMEOUT_S", 0.01),
            self.assertRaisesRegex(ExchangeNotReady, "gdax is stopped"),
        ):
            await PaperRun.prepare(self.request(HodlStrategy), client)


if __name__ == "__main__":
    unittest.main()
