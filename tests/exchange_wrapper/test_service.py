import asyncio
import io
import logging
import tempfile
import threading
import unittest
from collections.abc import Callable
from contextlib import AsyncExitStack, redirect_stderr, redirect_stdout
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import numpy as np

from exchange_wrapper.candles import Candles
from exchange_wrapper.changes import Change, OrderChanged
from exchange_wrapper.cli import main
from exchange_wrapper.client import XWrapClient
from exchange_wrapper.db import open_database, raw
from exchange_wrapper.errors import (
    ApiUsageError,
    BadWalletConfig,
    ExchangeNotReady,
    InsufficientFunds,
    LedgerBreach,
    NoData,
    StorageUnavailable,
    UnknownName,
)
from exchange_wrapper.execution import Filled
from exchange_wrapper.kill_switch import KillLevel
from exchange_wrapper.market import BookLost, TradePrint
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.orders import Order
from exchange_wrapper.service import ExchangeWrapper
from exchange_wrapper.service.server import Running, serve
from exchange_wrapper.terms import ExchangeStatus, Side
from exchange_wrapper.times import UtcNs
from exchange_wrapper.util import utc_now
from tests.exchange_wrapper.fake_exchange import (
    BTC_USD,
    FakeExchange,
    rows,
    settings,
    snapshot,
    until,
    web_client,
)
from tests.exchange_wrapper.live_port import FakeLivePort


class WithAService(unittest.IsolatedAsyncioTestCase):
    """A service on an exchange that trades BTC_USD at 9,999 to 10,000 without latency."""

    async def asyncSetUp(self) -> None:
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.addAsyncCleanup(self.stop)
        await self.start()

    async def start(self, **exchange: Any) -> None:
        self.stack = AsyncExitStack()
        chosen = settings(self.folder, **{"latency_ms": 0, **exchange})
        self.running: Running = await self.stack.enter_async_context(serve(chosen))
        self.service: ExchangeWrapper = self.running.service
        self.engine = self.service.engine
        self.client = await XWrapClient.connect(self.running.rpc_url)
        self.stack.push_async_callback(self.client.close)
        self.heard: list[tuple[str, dict[str, Any]]] = []
        for method in (
            "order", "trade", "wallet_set", "exchstatus", "echo_ret", "ticker", "trades", "candle",
            "incident",
        ):  # fmt: skip
            self.client.on(method, self.listener(method))
        venue = self.engine.venues["fake"]
        await until(lambda: venue.status is ExchangeStatus.READY)

    def listener(self, method: str) -> Callable[[dict[str, Any]], None]:
        def hear(params: dict[str, Any]) -> None:
            self.heard.append((method, params))

        return hear

    async def stop(self) -> None:
        await self.stack.aclose()

    async def restart(self, **exchange: Any) -> None:
        await self.stop()
        await self.start(**exchange)

    def of(self, method: str) -> list[dict[str, Any]]:
        return [params for name, params in self.heard if name == method]

    @property
    def exchange(self) -> FakeExchange:
        return cast(FakeExchange, self.engine.venues["fake"].exchange)

    async def new_set(self, run_id: str = "run", usd: str = "100000") -> int:
        return await self.client.create_wallet_set(run_id, [("fake", "USD", usd)])

    async def order(self, oid: str, set_id: int | None = None, **changes: Any) -> tuple[str, str]:
        arguments: dict[str, Any] = {
            "run_id": "run",
            "exchange": "fake",
            "client_oid": oid,
            "type": "limit",
            "pair": "BTC_USD",
            "size": "0.5",
            "side": "buy",
            "wallet_set_id": set_id,
            "limit": "9000",
        }
        return await self.client.make_order(**(arguments | changes))

    async def done(self, oid: str) -> dict[str, Any]:
        def states() -> list[dict[str, Any]]:
            found = [each for each in self.of("order") if each["client_order_id"] == oid]
            return [each for each in found if each["status"] == "done"]

        await until(states)
        return states()[0]


class Orders(WithAService):
    async def test_that_match_are_filled_and_paid_to_the_last_digit(self) -> None:
        set_id = await self.new_set()
        answer = await self.order("a", set_id, type="market", limit=None)
        self.assertEqual(answer, ("accepted", ""))
        done = await self.done("a")
        self.assertEqual((done["done_reason"], done["filled_size"]), ("filled", "0.5"))
        self.assertEqual((done["avg_price"], done["fee"]), ("10000", "10"))
        (trade,) = self.of("trade")
        self.assertEqual(
            {key: trade[key] for key in ("exec_amount", "exec_price", "fee", "maker", "side")},
            {
                "exec_amount": "0.5",
                "exec_price": "10000",
                "fee": "10",
                "maker": False,
                "side": "buy",
            },
        )
        usd = await self.client.get_wallet("fake", "USD", set_id)
        btc = await self.client.get_wallet("fake", "BTC", set_id)
        self.assertEqual((usd["balance"], usd["available"], usd["hold"]), ("94990", "94990", "0"))
        self.assertEqual((btc["balance"], btc["present_value"]["balance_usd"]), ("0.5", "4999.5"))
        self.assertEqual(self.engine.desk.ledger.audit(), [])

    async def test_that_rest_hold_their_cost_until_they_are_cancelled(self) -> None:
        set_id = await self.new_set()
        await self.order("a", set_id)
        await until(lambda: [o for o in self.of("order") if o["status"] == "open"])
        usd = await self.client.get_wallet("fake", "USD", set_id)
        self.assertEqual(
            (usd["balance"], usd["hold"], usd["available"]), ("100000", "4509", "95491")
        )
        (listed,) = await self.client.list_open_orders()
        self.assertEqual((listed["client_order_id"], listed["limit"]), ("a", "9000"))
        await self.client.cancel_order("fake", "a")
        self.assertEqual((await self.done("a"))["done_reason"], "cancelled")
        usd = await self.client.get_wallet("fake", "USD", set_id)
        self.assertEqual((usd["hold"], usd["available"]), ("0", "100000"))
        self.assertEqual(await self.client.list_open_orders(), [])
        self.assertEqual((await self.client.cancel_order("fake", "a"))["status"], "done")

    async def test_are_stored_before_they_are_acknowledged(self) -> None:
        await self.order("a")
        stored = rows(self.folder / "xwrap.db", 'SELECT client_order_id, "limit" FROM "order"')
        self.assertEqual(stored, [("a", "9000")])

    async def test_are_shown_only_as_they_are_stored(self) -> None:
        await self.restart(latency_ms=3_600_000)  # it does not arrive
        written = threading.Event()
        self.addCleanup(written.set)
        busy = asyncio.create_task(self.engine.journal.read(lambda _: written.wait()))
        asked = [
            asyncio.create_task(self.order("a")),
            asyncio.create_task(self.client.list_open_orders()),
            asyncio.create_task(self.client.get_order("fake", "a")),
            asyncio.create_task(self.client.get_unallocated_wallet_set()),
        ]
        await until(lambda: self.engine.desk.by_client("fake", "a"))
        await self.client.echo()  # so what was asked before has been read as well
        self.assertFalse(any(one.done() for one in asked))
        written.set()
        _, (opened,), order, wallets = await asyncio.gather(*asked)
        await busy
        self.assertEqual((opened["status"], order["status"]), ("received", "received"))
        self.assertEqual({w["currency"]: w["hold"] for w in wallets["wallets"]}["USD"], "4509")

    async def test_are_told_of_in_the_order_of_their_states(self) -> None:
        await self.order("a", limit="10000")
        await self.done("a")
        kinds = [
            params.get("status", name) for name, params in self.heard if name in ("order", "trade")
        ]
        self.assertEqual(kinds[:2], ["received", "open"])
        self.assertEqual((kinds[-1], "trade" in kinds), ("done", True))

    async def test_that_arrive_at_once_are_committed_with_what_they_traded(self) -> None:
        announced: list[list[Change]] = []
        announce = self.engine.journal._announce

        def note(changes: list[Change]) -> None:
            announced.append(changes)
            announce(changes)

        self.engine.journal._announce = note
        await self.order("a", type="market", limit=None)
        await self.done("a")
        states = [
            [each.order.status.value for each in batch if isinstance(each, OrderChanged)]
            for batch in announced
        ]
        self.assertIn(["received", "open", "open", "done"], states)
        told = [params["status"] for params in self.of("order")]
        self.assertEqual(told, ["received", "open", "done"])
        self.assertEqual(len(self.of("trade")), 1)

    async def test_asked_for_twice_are_made_once(self) -> None:
        for _ in range(2):
            self.assertEqual(await self.order("a"), ("accepted", ""))
        self.assertEqual(len(await self.client.list_open_orders()), 1)
        with self.assertRaises(ApiUsageError):
            await self.order("a", size="0.6")
        await self.restart()
        self.assertEqual(await self.order("a"), ("accepted", ""))
        await self.client.cancel_order("fake", "a")
        await self.done("a")
        await self.restart()  # now only the database knows of it
        self.assertEqual(await self.order("a"), ("accepted", ""))
        self.assertEqual(await self.client.list_open_orders(), [])
        for changes in ({"side": "sell"}, {"post_only": True}):
            with self.subTest(changes), self.assertRaises(ApiUsageError):
                await self.order("a", **changes)

    async def test_that_may_only_rest_are_rejected_where_they_would_take(self) -> None:
        set_id = await self.new_set()
        before = await self.client.get_wallet("fake", "USD", set_id)
        post_only = {"post_only": True, "wallet_set_id": set_id}
        answer = await self.order("taking", limit="10000", **post_only)
        self.assertEqual(answer, ("accepted", ""))
        done = await self.done("taking")
        self.assertEqual((done["done_reason"], done["filled_size"]), ("rejected", "0"))
        self.assertEqual((done["post_only"], done["exchange_at"]), (True, None))
        self.assertEqual(await self.client.get_wallet("fake", "USD", set_id), before)
        await self.order("resting", limit="9000", **post_only)
        await self.restart()
        order = await self.client.get_order("fake", "resting")
        self.assertEqual((order["status"], order["post_only"]), ("open", True))
        self.assertEqual(await self.order("resting", limit="9000", **post_only), ("accepted", ""))

    async def test_that_can_not_be_are_refused_with_the_reason(self) -> None:
        for changes, status in (
            ({"limit": "9000.001"}, "invalid"),
            ({"size": "0.00001"}, "invalid"),
            ({"size": "0"}, "invalid"),
            ({"size": "1000", "type": "market", "limit": None}, "rejected"),
        ):
            with self.subTest(changes):
                answer = await self.order("a", **changes)
                self.assertEqual(answer[0], status)
                self.assertTrue(answer[1])
        set_id = await self.new_set(usd="10")
        with self.assertRaises(InsufficientFunds):
            await self.order("a", set_id)
        self.assertEqual(await self.client.list_recent_orders(include_open=True), [])

    async def test_that_are_wrong_calls_are_errors_that_name_the_field(self) -> None:
        for changes, kind, field in (
            ({"exchange": "nope"}, UnknownName, "exchange"),
            ({"pair": "BTC_EUR"}, UnknownName, "pair"),
            ({"wallet_set_id": 99}, UnknownName, "wallet_set_id"),
            ({"type": "stop"}, ApiUsageError, "type"),
            ({"side": "hold"}, ApiUsageError, "side"),
            ({"size": "NaN"}, ApiUsageError, "size"),
            ({"size": "much"}, ApiUsageError, "size"),
            ({"limit": None}, ApiUsageError, "limit"),
            ({"cancel_after": -1}, ApiUsageError, "cancel_after"),
            ({"client_oid": ""}, ApiUsageError, "client_oid"),
            ({"post_only": True, "type": "limit-fill-kill"}, ApiUsageError, "post_only"),
            ({"post_only": True, "type": "market"}, ApiUsageError, "post_only"),
            ({"post_only": "yes"}, ApiUsageError, "post_only"),
        ):
            with self.subTest(changes), self.assertRaises(kind) as caught:
                await self.order("a", **changes)
            error = caught.exception
            assert isinstance(error, ApiUsageError) and error.data is not None
            self.assertEqual(error.data["field"], field)

    async def test_against_a_stale_book_are_refused_until_it_is_back(self) -> None:
        venue = self.engine.venues["fake"]
        self.exchange.is_open.clear()
        self.exchange.say(BookLost("BTC_USD", "a gap", utc_now()))
        await until(lambda: venue.status is ExchangeStatus.DEGRADED)
        for call in (
            self.order("a"),
            self.client.get_book("fake", "BTC_USD"),
            self.client.get_pricing("fake"),
        ):
            with self.assertRaises(ExchangeNotReady) as caught:
                await call
            self.assertTrue(caught.exception.retryable)
        self.exchange.is_open.set()
        await until(lambda: venue.status is ExchangeStatus.READY)
        self.assertEqual(await self.order("a"), ("accepted", ""))
        told = [(each["from"], each["to"]) for each in self.of("exchstatus")]
        self.assertEqual(told[-2:], [("ready", "degraded"), ("degraded", "ready")])

    async def test_that_are_done_are_listed_newest_first_and_found(self) -> None:
        for oid in ("a", "b"):
            await self.order(oid, limit="10000", run_id=f"run-{oid}")
            await self.done(oid)
        await self.order("c")
        recent = await self.client.list_recent_orders()
        self.assertEqual([each["client_order_id"] for each in recent], ["b", "a"])
        everything = await self.client.list_recent_orders(include_open=True)
        self.assertEqual([each["client_order_id"] for each in everything], ["c", "b", "a"])
        trades = await self.client.list_trades()
        self.assertEqual([each["client_order_id"] for each in trades], ["b", "a"])
        self.assertEqual(trades, list(reversed(self.of("trade"))))
        only = await self.client.list_trades(run_id="run-a")
        self.assertEqual([each["client_order_id"] for each in only], ["a"])
        await self.restart()
        self.assertEqual((await self.client.get_order("fake", "a"))["status"], "done")
        self.assertEqual((await self.client.get_order("fake", "c"))["status"], "open")
        with self.assertRaises(UnknownName):
            await self.client.get_order("fake", "d")


class ALiveVenue(WithAService):
    async def test_gets_an_order_only_once_it_is_committed(self) -> None:
        path = self.folder / "xwrap.db"
        stored: list[object] = []

        class Port(FakeLivePort):
            def submit(self, order: Order, now: UtcNs) -> None:
                stored.extend(rows(path, 'SELECT id, status FROM "order"'))
                super().submit(order, now)

        venue, port = self.engine.venues["fake"], Port()
        self.engine.desk.add_exchange("fake", venue.pairs, venue.fees, port)
        self.assertEqual(await self.order("a"), ("accepted", ""))
        await until(lambda: port.attempts)
        (order,) = self.engine.desk.orders.values()
        self.assertEqual(stored, [(order.id, "received")])


class ABreach(WithAService):
    async def test_freezes_one_wallet_set_and_the_service_goes_on(self) -> None:
        bad, good = await self.new_set("one"), await self.new_set("two")
        await self.order("a", bad)
        (order,) = self.engine.desk.orders.values()
        venue, now = self.engine.venues["fake"], self.engine.clock()
        venue.on_executions(venue, [Filled(order.id, Ticks(1), Lots(10**9), True, now)])
        await until(lambda: [each for each in self.of("incident") if each["kind"] == "breach"])
        self.assertEqual((await self.done("a"))["done_reason"], "cancelled")
        self.assertTrue((await self.client.get_wallet_set(bad))["frozen"])
        self.assertEqual((await self.order("b", bad))[0], "rejected")
        self.assertEqual(await self.order("c", good), ("accepted", ""))
        self.assertFalse(self.engine.failure.done())


class ARestart(WithAService):
    async def test_brings_back_open_orders_holds_and_balances(self) -> None:
        set_id = await self.new_set()
        await self.order("rests", set_id)
        await self.order("fills", set_id, type="market", limit=None, size="0.1")
        await self.done("fills")
        await until(lambda: [o for o in self.of("order") if o["status"] == "open"])
        before = await self.client.get_wallet_set(set_id)
        orders = await self.client.list_open_orders()
        await self.restart()
        after = await self.client.get_wallet_set(set_id)
        self.assertEqual(after["wallets"], before["wallets"])
        (resumed,) = await self.client.list_open_orders()
        (window,) = resumed["offline"]
        self.assertLess(window["from"], window["to"])
        (order,) = orders
        changed = {"offline": [], "last_updated_at": order["last_updated_at"]}
        self.assertEqual(resumed | changed, order)
        self.assertEqual(self.engine.desk.ledger.audit(), [])

    async def test_lets_an_order_expire_whose_time_passed_meanwhile(self) -> None:
        await self.order("a", cancel_after=1)
        await until(lambda: [o for o in self.of("order") if o["status"] == "open"])
        await self.stop()
        database = open_database(self.folder / "xwrap.db")
        raw(database).execute('UPDATE "order" SET created_at = created_at - 2000000000')
        database.close()
        await self.start()
        await until(lambda: not self.engine.desk.orders)
        order = await self.client.get_order("fake", "a")
        self.assertEqual((order["done_reason"], len(order["offline"])), ("expired", 1))

    async def test_keeps_what_was_frozen_killed_in_suspense_and_closing(self) -> None:
        frozen, closing = await self.new_set("one"), await self.new_set("two")
        await self.order("a", closing)
        await until(lambda: [o for o in self.of("order") if o["status"] == "open"])
        control, now = self.engine.control, self.engine.clock()
        control.freeze(frozen, "for a test", now)
        control.kill(KillLevel.STOP, "fake", now)
        control.reconcile("fake", {"USD": Decimal(1), "BTC": Decimal(100)}, now)
        control.reconcile("fake", {"USD": Decimal(1), "BTC": Decimal(100)}, now)
        self.engine.desk.ledger.mark_closing(closing)
        state = control.state()
        await self.engine.journal.committed()
        await until(lambda: self.of("incident"))
        await self.restart()
        self.assertEqual(self.engine.control.state(), state)
        await until(lambda: not self.engine.desk.ledger.sets[closing].active)
        described = await self.client.get_wallet_set(frozen)
        self.assertEqual(described["frozen"], "for a test")
        status, message = await self.order("b")
        self.assertEqual(status, "rejected")
        self.assertIn("acknowledge", message)

    async def test_obeys_the_kill_switch_that_was_set_while_it_was_down(self) -> None:
        await self.order("a")
        await until(lambda: [o for o in self.of("order") if o["status"] == "open"])
        await self.stop()
        arguments = ["kill", "cancel", "--url", self.running.rpc_url]
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            code = await asyncio.to_thread(
                main, [*arguments, "--db", str(self.folder / "xwrap.db")]
            )
        self.assertEqual(code, 0)
        await self.start()
        await until(lambda: not self.engine.desk.orders)
        self.assertEqual((await self.client.get_order("fake", "a"))["done_reason"], "cancelled")
        self.assertEqual((await self.order("b"))[0], "rejected")

    async def test_carries_a_resting_order_on_until_it_fills(self) -> None:
        await self.order("a")
        await until(lambda: [o for o in self.of("order") if o["status"] == "open"])
        await self.restart()
        self.exchange.say(snapshot(BTC_USD, "8900", "8901"))
        done = await self.done("a")
        self.assertEqual((done["done_reason"], done["filled_size"]), ("filled", "0.5"))
        self.assertEqual(self.engine.desk.ledger.audit(), [])

    async def test_cancels_an_order_whose_pair_has_other_increments_now(self) -> None:
        await self.order("a", limit="9000.01")
        await self.restart(coarse=True)
        order = await self.client.get_order("fake", "a")
        self.assertEqual((order["status"], order["done_reason"]), ("done", "cancelled"))
        self.assertTrue(order["message"])
        self.assertEqual((await self.client.get_wallet("fake", "USD"))["hold"], "0")

    async def test_gives_a_paper_exchange_its_balances_only_once(self) -> None:
        usd = await self.client.get_wallet("fake", "USD")
        self.assertEqual(usd["balance"], "1000000")
        self.assertEqual((await self.client.get_wallet("fake", "BTC"))["balance"], "100")
        await self.client.add_virtual_wallet_tx("fake", "USD", "-999999.5")
        await self.restart()
        self.assertEqual((await self.client.get_wallet("fake", "USD"))["balance"], "0.5")

    async def test_freezes_the_set_that_does_not_add_up_and_nothing_else(self) -> None:
        broken, sound = await self.new_set("broken", "1000"), await self.new_set("sound", "1000")
        await self.order("before", broken, run_id="broken", size="0.01")
        await self.stop()
        database = open_database(self.folder / "xwrap.db")
        raw(database).execute(
            f"UPDATE virtualwallet SET settled = '5000' WHERE wallet_set_id = {broken}"
        )
        database.close()
        await self.start()
        self.engine.control.audit(utc_now())
        control = await self.client.get_control()
        self.assertEqual(list(control["frozen"]), [str(broken)])
        self.assertIn("its lines 1000", control["frozen"][str(broken)])
        await until(lambda: not self.engine.desk.orders)  # its order was cancelled
        status, message = await self.order("after", broken, run_id="broken", size="0.01")
        self.assertEqual(status, "rejected")
        self.assertIn("frozen", message)
        answer = await self.order("after", sound, run_id="sound", size="0.01")
        self.assertEqual(answer, ("accepted", ""))
        wallets = (await self.client.get_wallet_set(broken))["wallets"]
        self.assertIn("1000", [wallet["balance"] for wallet in wallets])
        await self.restart()
        self.assertEqual(list((await self.client.get_control())["frozen"]), [str(broken)])

    async def test_is_refused_if_the_wallets_do_not_add_up(self) -> None:
        await self.stop()
        database = open_database(self.folder / "xwrap.db")
        raw(database).execute("UPDATE virtualwallet SET settled = '5' WHERE base = 'USD'")
        database.close()
        with self.assertRaises(LedgerBreach):
            await self.start()


class Wallets(WithAService):
    async def test_of_a_set_come_from_what_is_unallocated_and_return_to_it(self) -> None:
        set_id = await self.new_set(usd="500.25")
        sets = await self.client.get_all_wallet_sets()
        self.assertEqual(set(sets), {str(set_id), "total", "unallocated", "allocated"})

        def usd(wallet_set: dict[str, Any]) -> str:
            return next(w["balance"] for w in wallet_set["wallets"] if w["currency"] == "USD")

        self.assertEqual(usd(sets[str(set_id)]), "500.25")
        self.assertEqual(usd(sets["unallocated"]), "999499.75")
        self.assertEqual(usd(sets["total"]), "1000000")
        self.assertEqual(usd(await self.client.get_allocated_wallet_set()), "500.25")
        moved = await self.client.allocate_to_wallet_set(set_id, "fake", "usd", "-0.25")
        self.assertEqual((moved["balance"], moved["allocation"]), ("500", "500"))
        await self.client.deactivate_wallet_set(set_id)
        self.assertEqual(usd(await self.client.get_unallocated_wallet_set()), "1000000")
        self.assertNotIn(str(set_id), await self.client.get_all_wallet_sets())
        self.assertIs((await self.client.get_wallet_set(set_id))["active"], False)
        self.assertEqual((await self.client.get_wallet_set())["type"], "unallocated")
        split = await self.client.get_unallocated_per_exchange()
        self.assertEqual(set(split["fake"]), {"BTC", "LTC", "USD"})

    async def test_of_a_set_are_summed_by_currency_if_asked(self) -> None:
        set_id = await self.new_set(usd="7")
        for aggregate_only in (False, True):
            with self.subTest(aggregate_only):
                one = await self.client.get_wallet_set(set_id, aggregate_only)
                sets = await self.client.get_all_wallet_sets(aggregate_only)
                for (wallet,) in (one["wallets"], sets[str(set_id)]["wallets"]):
                    self.assertEqual((wallet["currency"], wallet["balance"]), ("USD", "7"))
                    self.assertIs(wallet["id"] is None, aggregate_only)

    async def test_that_can_not_be_funded_are_not_created(self) -> None:
        for wallets, kind in (
            ([("fake", "USD", "1000000.01")], InsufficientFunds),
            ([("fake", "EUR", "1")], BadWalletConfig),
            ([("nope", "USD", "1")], BadWalletConfig),
            ([("fake", "USD", "1"), ("fake", "USD", "1")], BadWalletConfig),
            ([("fake", "USD", "-1")], BadWalletConfig),
        ):
            with self.subTest(wallets), self.assertRaises(kind):
                await self.client.create_wallet_set("run", wallets)
        total = await self.client.get_total_wallet_set()
        self.assertEqual(
            set(await self.client.get_all_wallet_sets()), {"total", "unallocated", "allocated"}
        )
        self.assertEqual(total["type"], "total")

    async def test_get_virtual_funds(self) -> None:
        line_id = await self.client.add_virtual_wallet_tx("fake", "BTC", "0.000000000000000001")
        stored = rows(
            self.folder / "xwrap.db", f"SELECT movement, reason FROM walletline WHERE id={line_id}"
        )
        self.assertEqual(stored, [("0.000000000000000001", "virtual")])
        btc = await self.client.get_wallet("fake", "BTC")
        self.assertEqual(btc["balance"], "100.000000000000000001")
        with self.assertRaises(InsufficientFunds):
            await self.client.add_virtual_wallet_tx("fake", "BTC", "-101")
        with self.assertRaises(ApiUsageError):
            await self.client.add_virtual_wallet_tx("fake", "BTC", "0")

    async def test_are_told_of_when_they_change(self) -> None:
        set_id = await self.new_set()

        def told(description: str) -> list[str]:
            sets = [each for each in self.of("wallet_set") if each["type"] == description]
            wallets = [wallet for each in sets for wallet in each["wallets"]]
            return [wallet["balance"] for wallet in wallets if wallet["currency"] == "USD"]

        await until(lambda: told("logical") == ["100000"] and "900000" in told("unallocated"))
        self.assertEqual(self.of("wallet_set")[-1]["type"], "unallocated")
        self.assertIn(set_id, [each["id"] for each in self.of("wallet_set")])

    async def test_are_worth_what_the_books_say(self) -> None:
        for currency, value, side, expected in (
            ("USD", "5.5", "bid", "5.5"),
            ("BTC", "2", "bid", "19998"),
            ("btc", "2", "ask", "20000"),
            ("LTC", "3", "bid", "299.97"),
            ("EUR", "1", "bid", None),
        ):
            with self.subTest(currency):
                worth = await self.client.convert_to_usd(currency, value, side)  # type: ignore[arg-type]
                self.assertEqual(worth, None if expected is None else Decimal(expected))


class MarketData(WithAService):
    async def test_is_described(self) -> None:
        status = await self.client.get_status()
        self.assertEqual(status["status"], "online")
        self.assertEqual(status["config"]["exchanges"], ["fake"])
        (exchange,) = await self.client.get_exchanges()
        self.assertEqual((exchange["exchange"], exchange["status"]), ("fake", "ready"))
        self.assertEqual(exchange["pairs"], ["BTC_USD", "LTC_BTC"])
        self.assertEqual(exchange["increments"]["BTC_USD"]["tick_size"], "0.01")
        self.assertEqual(await self.client.get_exchanges("live"), [])

    async def test_of_books_is_best_first(self) -> None:
        book = await self.client.get_book("fake", "BTC_USD", depth=1)
        self.assertEqual(book, {"bids": [[9999, 10]], "asks": [[10000, 10]]})
        pricing = await self.client.get_pricing("fake")
        self.assertEqual(pricing["BTC_USD"], {"bid": 9999, "ask": 10000})
        with self.assertRaises(UnknownName):
            await self.client.get_book("fake", "BTC_EUR")

    async def test_goes_to_those_who_subscribed(self) -> None:
        other = await XWrapClient.connect(self.running.rpc_url)
        self.stack.push_async_callback(other.close)
        strays: list[Any] = []
        other.on("ticker", strays.append)
        await self.client.subscribe("ticker", "fake", "BTC_USD")
        await self.client.subscribe("trades", "fake", "BTC_USD")
        now = utc_now()
        self.exchange.say(snapshot(BTC_USD, "9998.5", "10000"))
        self.exchange.say(
            TradePrint("BTC_USD", "t1", Ticks(1_000_000), Lots(5), Side.SELL, now, now)
        )
        await until(lambda: self.of("trades"))
        (ticker,) = self.of("ticker")
        self.assertEqual((ticker["bid"], ticker["ask"]), ("9998.5", "10000"))
        (trade,) = self.of("trades")
        self.assertEqual((trade["price"], trade["size"]), ("10000", "0.0005"))
        self.assertEqual((trade["taker_side"], trade["trade_id"]), ("buy", "t1"))
        await self.client.unsubscribe("ticker", "fake", "BTC_USD")
        self.exchange.say(snapshot(BTC_USD, "9998", "10000"))
        await self.client.subscribe("ticker", "fake", "LTC_BTC")
        await other.echo_notify(last="one")
        await until(lambda: self.of("echo_ret"))
        self.assertEqual((len(self.of("ticker")), strays), (1, []))
        with self.assertRaises(UnknownName):
            await self.client.subscribe("ticker", "fake", "BTC_EUR")

    async def test_of_candles_comes_in_pages_over_rpc_and_http(self) -> None:
        count = 120_000
        time = 1_500_000_000 // 300 * 300 + 300 * np.arange(count)
        price = 100 + np.arange(count) % 7
        candles = Candles(300, 2, 0, time, price, price + 1, price - 1, price, price, time)
        self.engine.store.write("mine", "BTC_USD", candles)
        points = [
            point
            async for page in self.client.iterate_ohlcv("mine", "BTC_USD", freq="5m")
            for point in page
        ]
        self.assertEqual([point[0] for point in points], time.tolist())
        self.assertEqual(
            points[1][1:6], [Decimal("1"), Decimal("1.02"), Decimal("1.01"), Decimal("1.01"), 101]
        )
        daily = await self.client.get_ohlcv("mine", "BTC_USD", freq="daily")
        self.assertEqual(daily["freq_s"], 86_400)
        newest = await self.client.get_ohlcv("mine", "BTC_USD")
        self.assertEqual((len(newest["points"]), newest["next"]), (50_000, None))
        self.assertEqual(newest["points"][-1][0], int(time[-1]))
        (series,) = await self.client.list_ohlcv()
        self.assertEqual((series["rows"], series["tick_size"]), (count, None))
        with self.assertRaises(NoData):
            await self.client.get_ohlcv("mine", "LTC_USD")
        with self.assertRaises(ApiUsageError):
            await self.client.get_ohlcv("mine", "BTC_USD", freq="7m")
        async with web_client(self.running.http_url) as web:
            path = f"/xwrap/v1/ohlcv/mine/BTC_USD?start={time[3]}&end={time[5]}"
            page = (await web.get(path)).json()
        self.assertEqual([point[0] for point in page["points"]], time[3:5].tolist())
        self.assertEqual(
            set(page) & {"exchange", "pair", "generated_at"}, {"exchange", "pair", "generated_at"}
        )

    async def test_by_http_has_every_route_of_the_api(self) -> None:
        await self.new_set()
        async with web_client(self.running.http_url) as web:
            for path in (
                "status", "exchanges", "fake/book/BTC_USD", "fake/pricing", "ohlcv",
                "orders/open", "orders/recent", "trades", "wallets/sets", "wallets/3",
                "wallets/total", "wallets/allocated", "wallets/unallocated",
                "wallets/unallocated_exchange", "convert_to_usd?currency=BTC&value=1",
            ):  # fmt: skip
                with self.subTest(path):
                    self.assertEqual((await web.get(f"/xwrap/v1/{path}")).status_code, 200)
            missing = await web.get("/xwrap/v1/nope/pricing")
            self.assertEqual((missing.status_code, missing.json()["code"]), (404, -32001))


class Notifications(WithAService):
    async def test_are_not_made_of_an_echo(self) -> None:
        answer = await self.client.echo(size=Decimal("0.10"), name="é", nested={"a": [1]})
        self.assertEqual(answer, {"size": Decimal("0.10"), "name": "é", "nested": {"a": [1]}})
        await self.client.echo_notify(end=True)
        await until(lambda: self.of("echo_ret"))
        self.assertEqual(self.of("echo_ret"), [{"end": True}])

    async def test_reach_every_client_and_are_numbered(self) -> None:
        other = await XWrapClient.connect(self.running.rpc_url)
        self.stack.push_async_callback(other.close)
        numbers: list[int] = []
        other.on("echo_ret", lambda params: numbers.append(other.last_seq))
        for number in range(3):
            answer = await self.client.echo_notify(number=number)
            self.assertEqual(answer, {"status": "ok", "receivers": 2})
        await until(lambda: len(numbers) == 3 and len(self.of("echo_ret")) == 3)
        self.assertEqual(self.of("echo_ret"), [{"number": number} for number in range(3)])
        self.assertEqual(numbers, sorted(set(numbers)))


class AFailure(WithAService):
    async def test_to_write_stops_the_service(self) -> None:
        trigger = (
            "CREATE TRIGGER full BEFORE INSERT ON walletline BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
        await self.engine.journal.read(lambda database: raw(database).execute(trigger))
        with self.assertRaises(StorageUnavailable):
            await self.order("a")
        self.assertIsInstance(await self.engine.failure, StorageUnavailable)

    async def test_to_start_leaves_nothing_behind(self) -> None:
        before = asyncio.all_tasks()
        other = settings(self.folder)  # the database is in use
        with self.assertRaisesRegex(Exception, "another xWrap"):
            async with serve(other):
                self.fail("it started")
        self.assertEqual(asyncio.all_tasks() - before, set())

    async def test_never_leaves_a_task_behind(self) -> None:
        await self.stop()
        await asyncio.sleep(0)
        self.assertEqual(asyncio.all_tasks(), {asyncio.current_task()})
