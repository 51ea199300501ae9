import asyncio
import json
import logging
import re
import unittest
from decimal import Decimal
from typing import Any
from unittest import mock

import socketio
from prometheus_client.parser import text_string_to_metric_families

from exchange_wrapper.client import XWrapClient
from exchange_wrapper.errors import ApiUsageError, StorageUnavailable, UnknownName
from exchange_wrapper.execution import Filled, Finished
from exchange_wrapper.market import BookLost, BookUpdate, TradePrint
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.service import ExchangeWrapper
from exchange_wrapper.service import status as status_api
from exchange_wrapper.service.about import ABOUT
from exchange_wrapper.terms import DoneReason, Side
from exchange_wrapper.times import SECOND, UtcNs
from exchange_wrapper.users.local_token import token_for
from exchange_wrapper.util import utc_now
from serving.openapi import describe_api
from serving.registry import Api
from tests.exchange_wrapper.fake_exchange import (
    BTC_USD,
    LTC_BTC,
    bearer,
    snapshot,
    until,
    web_client,
)
from tests.exchange_wrapper.test_service import WithAService

ROUTES = """
GET status
GET whoami
GET health
GET notifications
GET exchanges
GET {exchange}/book/{pair}
GET {exchange}/pricing
GET {exchange}/wallet/{base}
GET convert_to_usd
GET ohlcv
GET ohlcv/{exchange}/{pair}
GET recordings
GET recordings/{exchange}/{pair}
GET orders/open
GET orders/recent
GET orders/{exchange}/{client_order_id}
GET trades
GET movements
GET control
GET control/incidents
GET wallets/sets
GET wallets/{set_id}
GET wallets/history/{set_id}
GET wallets/total
GET wallets/allocated
GET wallets/unallocated
GET wallets/unallocated_exchange
POST orders/new
POST orders/cancel
POST orders/cancel_all
POST wallets/new
POST wallets/allocate
POST wallets/deactivate
POST wallets/virtual/transaction
POST control/kill_switch
POST control/acknowledge
POST control/unfreeze
"""


ARGUMENTS = {
    "get_status": "",
    "get_exchanges": "mode",
    "get_wallet_set": "set_id aggregate_only",
    "get_all_wallet_sets": "aggregate_only",
    "get_allocated_wallet_set": "",
    "get_unallocated_wallet_set": "",
    "get_unallocated_per_exchange": "",
    "get_total_wallet_set": "",
    "create_wallet_set": "run_id wallets",
    "allocate_to_wallet_set": "wallet_set_id exchange base movement",
    "deactivate_wallet_set": "wallet_set_id",
    "make_order": (
        "run_id exchange client_oid type pair size side wallet_set_id limit cancel_after"
    ),
    "cancel_order": "exchange client_order_id",
    "list_open_orders": "",
    "list_recent_orders": "include_open",
    "convert_to_usd": "currency value side",
    "get_book": "exchange pair",
    "get_pricing": "exchange",
    "get_wallet": "exchange base wallet_set_id",
    "add_virtual_wallet_tx": "exchange base movement wallet_id",
    "get_ohlcv": "exchange pair start end received_before freq",
    "get_wallet_set_history": "set_id",
}


class TheSurface(unittest.TestCase):
    def setUp(self) -> None:
        self.api = Api(ExchangeWrapper.__new__(ExchangeWrapper), about=ABOUT)
        self.document: Any = json.loads(json.dumps(describe_api(self.api)))

    def test_has_these_routes_and_no_others(self) -> None:
        ours = {
            f"{m.route.verb} {m.route.path.removeprefix(ABOUT.prefix + '/')}"
            for m in self.api.methods.values()
            if m.route is not None
        }
        self.assertEqual(ours, set(ROUTES.strip().split("\n")))

    def test_takes_the_arguments_of_the_reference(self) -> None:
        for name, wanted in ARGUMENTS.items():
            with self.subTest(name):
                parameters = self.api.methods[name].parameters
                assert parameters is not None
                self.assertLessEqual(set(wanted.split()), set(parameters.__struct_fields__))
        for name in ("echo", "echo_notify"):
            self.assertIsNone(self.api.methods[name].parameters)

    def test_lets_nobody_change_anything_by_get(self) -> None:
        for method in self.api.methods.values():
            if method.route is not None:
                with self.subTest(method.name):
                    self.assertEqual(method.route.verb == "GET", method.role == "viewer")

    def test_is_described_without_dangling_references(self) -> None:
        text = json.dumps(self.document)
        schemas = self.document["components"]["schemas"]
        for name in set(re.findall(r'"#/components/schemas/(\w+)"', text)):
            self.assertIn(name, schemas)
        operations = {
            operation["operationId"]: operation
            for path in self.document["paths"].values()
            for operation in path.values()
        }
        for method in self.api.methods.values():
            with self.subTest(method.name):
                self.assertTrue(method.doc)
                self.assertIn(method.name, [m["method"] for m in self.document["x-json-rpc"]])
                if method.route is not None:
                    operation = operations[method.name]
                    in_path = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
                    self.assertEqual(in_path, set(method.route.names))
                    self.assertLessEqual({"200", "400", "404", "503"}, set(operation["responses"]))
        self.assertEqual(self.document["openapi"], "3.1.0")

    def test_describes_arguments_as_they_are_checked(self) -> None:
        order = self.document["components"]["schemas"]["make_order"]
        self.assertEqual(
            set(order["required"]),
            {"run_id", "exchange", "client_oid", "type", "pair", "size", "side"},
        )
        self.assertEqual(order["properties"]["cancel_after"]["minimum"], 0)
        self.assertNotIn("connection_id", order["properties"])


class OverHttp(WithAService):
    async def start(self, **exchange: Any) -> None:
        await super().start(**exchange)
        self.web = web_client(self.running.http_url)
        self.stack.push_async_callback(self.web.aclose)

    async def get(self, path: str) -> Any:
        return (await self.web.get(f"/xwrap/v1/{path}")).json()

    async def post(self, path: str, **body: Any) -> Any:
        answer = await self.web.post(f"/xwrap/v1/{path}", json=body)
        self.assertEqual(answer.status_code, 200, answer.text)
        return answer.json()

    async def test_a_whole_run_can_be_traded(self) -> None:
        usd = {"exchange": "fake", "currency": "USD", "allocation": "100000"}
        created = await self.post("wallets/new", run_id="run", wallets=[usd])
        order = {
            "run_id": "run", "exchange": "fake", "pair": "BTC_USD", "side": "buy", "size": "0.5",
            "wallet_set_id": created["id"],
        }  # fmt: skip
        answer = await self.post("orders/new", client_oid="a", type="market", **order)
        self.assertEqual(answer, ["accepted", ""])
        await self.done("a")
        await self.post("orders/new", client_oid="b", type="limit", limit="9000", **order)
        await self.post("orders/cancel", exchange="fake", client_order_id="b")
        await self.done("b")
        (trade,) = await self.get("trades")
        self.assertEqual(trade["exec_amount"], "0.5")
        wallet = await self.post(
            "wallets/allocate",
            wallet_set_id=created["id"],
            exchange="fake",
            base="USD",
            movement="-1",
        )
        self.assertEqual(wallet["balance"], "94989")
        line = await self.post(
            "wallets/virtual/transaction", exchange="fake", base="USD", movement="5"
        )
        self.assertIsInstance(line, int)
        await self.post("wallets/deactivate", wallet_set_id=created["id"])
        self.assertIs((await self.get(f"wallets/{created['id']}"))["active"], False)

    async def test_a_set_with_open_orders_is_closed_by_force_only(self) -> None:
        set_id = await self.new_set()
        await self.order("resting", wallet_set_id=set_id)
        with self.assertRaisesRegex(ApiUsageError, "open orders"):
            await self.client.deactivate_wallet_set(set_id)
        closing = await self.client.deactivate_wallet_set(set_id, force=True)
        self.assertEqual(closing, {"id": set_id, "active": True})
        await until(lambda: not self.engine.desk.ledger.sets[set_id].active)
        order = await self.client.get_order("fake", "resting")
        self.assertEqual((order["status"], order["done_reason"]), ("done", "cancelled"))

    async def test_history_tells_how_a_set_has_changed(self) -> None:
        set_id = await self.new_set()
        await self.engine.series.keep(everything=False)
        history = await self.get(f"wallets/history/{set_id}")
        self.assertEqual((history["run_id"], history["current"]["id"]), ("run", set_id))
        ((time_s, *wallets),) = history["data"]
        self.assertLessEqual(time_s, history["timestamp"])
        self.assertEqual(
            {each["id"]: each["balance"] for each in wallets},
            {each["id"]: each["balance"] for each in history["current"]["wallets"]},
        )
        self.assertEqual((await self.web.get("/xwrap/v1/wallets/history/99")).status_code, 404)

    async def test_every_other_route_answers_as_its_method_does(self) -> None:
        await self.order("a", run_id="one")
        cancelled = await self.post("orders/cancel_all", run_id="one")
        self.assertEqual([each["client_order_id"] for each in cancelled["cancelled"]], ["a"])
        await self.done("a")
        order = await self.get("orders/fake/a")
        self.assertEqual(order, json.loads(json.dumps(await self.client.get_order("fake", "a"))))
        wallet = await self.get("fake/wallet/BTC")
        self.assertEqual((wallet["currency"], wallet["balance"]), ("BTC", "100"))

        killed = await self.post("control/kill_switch", level="stop")
        self.assertEqual(killed, {"scope": None, "level": "stop", "cancelling": 0})
        control = await self.get("control")
        self.assertEqual(control["kill_switch"], [{"scope": None, "level": "stop"}])
        (incident,) = await self.get("control/incidents")
        self.assertEqual((incident["kind"], incident["text"]), ("kill_switch", "stop"))
        for path, body, status, named in (
            ("acknowledge", {"exchange": "nope", "currency": "USD", "note": "seen"}, 400, "nope"),
            ("unfreeze", {"wallet_set_id": 99, "note": "seen"}, 404, "99"),
        ):
            with self.subTest(path):
                answer = await self.web.post(f"/xwrap/v1/control/{path}", json=body)
                self.assertEqual(answer.status_code, status)
                self.assertIn(named, answer.json()["error"])

    async def test_history_is_unavailable_while_the_store_does_not_answer(self) -> None:
        set_id = await self.new_set()

        def refuse(_: int) -> Any:
            raise StorageUnavailable("the store is away")

        self.engine.series.read = refuse  # type: ignore[method-assign]
        answer = await self.web.get(f"/xwrap/v1/wallets/history/{set_id}")
        self.assertEqual((answer.status_code, answer.json()["code"]), (503, -32002))
        with self.assertRaises(StorageUnavailable):
            await self.client.get_wallet_set_history(set_id)

    async def test_metrics_are_as_prometheus_reads_them(self) -> None:
        await self.order("a", type="market", limit=None)
        await self.done("a")
        await self.order("b")
        with self.assertRaises(UnknownName):
            await self.client.get_book("nope", "BTC_USD")
        answer = await self.web.get("/metrics")
        self.assertTrue(answer.headers["content-type"].startswith("text/plain"))
        values = {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }
        for sample, expected in (
            (("xwrap_calls_total", "make_order", "ok"), 2),
            (("xwrap_calls_total", "get_book", "unknown_name"), 1),
            (("xwrap_call_seconds_count", "make_order"), 2),
            (("xwrap_book_live", "BTC_USD", "fake"), 1),
            (("xwrap_book_gaps_total", "BTC_USD", "fake"), 0),
            (("xwrap_exchange_status", "fake", "ready"), 1),
            (("xwrap_exchange_reconnects_total", "fake"), 0),
            (("xwrap_orders_done_total", "filled"), 1),
            (("xwrap_fills_total",), 1),
            (("xwrap_ledger_faults",), 0),
            (("xwrap_rpc_clients",), 1),
            (("xwrap_notifications_total", "trade"), 1),
        ):
            with self.subTest(sample):
                self.assertEqual(values[sample], expected)
        for name in ("xwrap_loop_lag_seconds_count", "xwrap_journal_changes"):
            self.assertIn((name,), values)
        self.assertIn(("xwrap_book_age_seconds", "BTC_USD", "fake"), values)

    async def test_events_of_socket_io_are_the_notifications(self) -> None:
        page = socketio.AsyncClient()
        heard: list[tuple[str, Any]] = []
        for event in ("order", "trade", "wallet_set", "echo_ret", "exchstatus"):
            page.on(event, lambda params, event=event: heard.append((event, params)))
        headers = bearer(self.running.http_url)
        await page.connect(self.running.http_url, headers, transports=["websocket"])
        await self.order("a", type="market", limit=None)
        await self.done("a")
        await self.client.echo_notify(value=Decimal("0.10"))
        await until(lambda: heard and heard[-1][0] == "echo_ret")
        self.assertEqual(next(e for e in heard if e[0] == "trade")[1], self.of("trade")[0])
        states = [params["status"] for event, params in heard if event == "order"]
        self.assertEqual(states, [params["status"] for params in self.of("order")])
        self.assertEqual(heard[-1][1], {"value": Decimal("0.10")})
        await page.eio.disconnect(abort=True)

    async def test_socket_io_refuses_a_page_from_elsewhere(self) -> None:
        path = "/socket.io/?EIO=4&transport=polling"
        for origin, status in (("http://localhost:8200", 200), ("https://evil.example", 403)):
            with self.subTest(origin):
                answer = await self.web.get(path, headers={"origin": origin})
                self.assertEqual(answer.status_code, status)


class Lists(WithAService):
    async def test_come_in_pages_that_join_without_a_seam(self) -> None:
        for number in range(7):
            await self.order(f"o{number}", limit="10000" if number % 2 else "9000", size="0.1")
            if number % 2:
                await self.done(f"o{number}")
        for method, more in (
            ("list_open_orders", {}),
            ("list_recent_orders", {}),
            ("list_recent_orders", {"include_open": True}),
            ("list_trades", {}),
            ("list_movements", {}),
            ("list_movements", {"currency": "USD", "exchange": "fake"}),
        ):
            with self.subTest(method, **more):
                whole = await self.client.call(method, **more)
                self.assertGreaterEqual(len(whole), 3)
                pages: list[Any] = []
                while page := await self.client.call(
                    method, limit=2, before_id=pages[-1]["id"] if pages else None, **more
                ):
                    self.assertLessEqual(len(page), 2)
                    pages += page
                self.assertEqual(pages, whole)
        ids = [await self.new_set(f"r{number}", "1") for number in range(3)]
        sets = await self.client.call("get_all_wallet_sets", limit=1, before_id=ids[2])
        self.assertEqual([key for key in sets if key.isdigit()], [str(ids[1])])

    async def test_of_trades_begin_at_a_time(self) -> None:
        for oid in ("a", "b"):
            await self.order(oid, limit="10000")
            await self.done(oid)
        newest, _ = await self.client.list_trades()
        self.assertEqual(await self.client.list_trades(since=newest["time"]), [newest])
        with self.assertRaises(ApiUsageError):
            await self.client.list_trades(since="yesterday")


class CancellingAll(WithAService):
    async def test_finds_an_order_whose_client_id_another_run_has_used(self) -> None:
        sets = {run_id: await self.new_set(run_id, "10000") for run_id in ("one", "two", "three")}
        for run_id in ("one", "two"):
            await self.order("same", sets[run_id], run_id=run_id)
            with self.assertRaisesRegex(ApiUsageError, "another run has an open order"):
                await self.order("same", sets["three"], run_id="three")
            answer = await self.client.cancel_all(exchange="fake")
            self.assertEqual([each["run_id"] for each in answer["cancelled"]], [run_id])
            await until(lambda: not self.engine.desk.orders)

    async def test_takes_the_orders_of_a_run_or_an_exchange(self) -> None:
        for oid, run_id in (("a", "one"), ("b", "two"), ("c", "one")):
            await self.order(oid, run_id=run_id)
        with self.assertRaises(ApiUsageError):
            await self.client.cancel_all()
        with self.assertRaises(UnknownName):
            await self.client.cancel_all(exchange="nope")
        answer = await self.client.cancel_all(run_id="one")
        self.assertEqual([o["client_order_id"] for o in answer["cancelled"]], ["a", "c"])
        self.assertEqual(answer["failed"], [])
        await self.done("c")
        (left,) = await self.client.list_open_orders()
        self.assertEqual(left["client_order_id"], "b")
        await self.client.cancel_all(exchange="fake")
        await self.done("b")


class Health(WithAService):
    async def test_tells_of_each_exchange(self) -> None:
        health = await self.client.get_health()
        self.assertEqual((health["status"], health["ledger_faults"]), ("ok", []))
        fake = health["exchanges"]["fake"]
        self.assertEqual((fake["status"], fake["gaps"], fake["reconnects"]), ("ready", 0, 0))
        self.assertIsNone(fake["latency_s"])
        self.assertEqual(fake["rate_budget"], {})
        now = utc_now()
        for delay in (SECOND // 2, SECOND // 4, -SECOND // 8):
            time = UtcNs(now - delay)
            print_ = TradePrint("BTC_USD", "t", Ticks(1_000_000), Lots(5), Side.SELL, time, now)
            self.exchange.say(print_)
        await until(lambda: len(self.engine.news.delays["fake"]._delays_ns) == 3)
        fake = (await self.client.get_health())["exchanges"]["fake"]
        self.assertEqual(
            (fake["latency_s"], fake["clock_skew_s"]), (Decimal("0.25"), Decimal("-0.125"))
        )
        self.exchange.is_open.clear()
        self.exchange.say(BookLost("BTC_USD", "a gap", utc_now()))
        await until(lambda: self.engine.venues["fake"].status == "degraded")
        self.assertEqual((await self.client.get_health())["status"], "degraded")


class Books(WithAService):
    async def test_begin_with_a_snapshot_and_go_on_with_what_changed(self) -> None:
        self.client.on("book", self.listener("book"))
        await self.client.subscribe("book", "fake", "BTC_USD")
        await until(lambda: self.of("book"))
        first = self.of("book")[0]
        self.assertEqual((first["type"], first["state"]), ("snapshot", "live"))
        self.assertEqual((first["bids"], first["asks"]), ([["9999", "10"]], [["10000", "10"]]))
        now = utc_now()
        changes = [
            (Side.BUY, BTC_USD.to_ticks(Decimal("9998.5")), BTC_USD.to_lots(Decimal("0.25"))),
            (Side.SELL, BTC_USD.to_ticks(Decimal(10000)), Lots(0)),
            (Side.SELL, BTC_USD.to_ticks(Decimal(10001)), BTC_USD.to_lots(Decimal(1))),
        ]
        self.exchange.say(BookUpdate("BTC_USD", changes, now, now))
        await until(lambda: len(self.of("book")) == 2)
        update = self.of("book")[1]
        self.assertEqual((update["type"], update["sequence"]), ("update", first["sequence"] + 1))
        self.assertEqual(update["bids"], [["9998.5", "0.25"]])
        self.assertEqual(sorted(update["asks"]), [["10000", "0"], ["10001", "1"]])
        self.exchange.say(snapshot(BTC_USD, "9000", "9001"))
        await until(lambda: len(self.of("book")) == 3)
        self.assertEqual(self.of("book")[2]["type"], "snapshot")
        self.exchange.is_open.clear()
        self.exchange.say(BookLost("BTC_USD", "a gap", utc_now()))
        await until(lambda: len(self.of("book")) >= 4)
        lost = self.of("book")[3]
        self.assertEqual((lost["state"], lost["bids"], lost["asks"]), ("stale", [], []))

    async def test_cost_nothing_when_nobody_follows_any_more(self) -> None:
        venue = self.engine.venues["fake"]
        self.assertIsNone(venue.on_event)
        await self.client.subscribe("book", "fake", "BTC_USD")
        self.assertIsNotNone(venue.on_event)
        await self.client.unsubscribe("book", "fake", "BTC_USD")
        self.exchange.say(snapshot(BTC_USD, "9000", "9001"))
        await until(lambda: venue.on_event is None)


class Recordings(WithAService):
    async def start(self, **exchange: Any) -> None:
        await super().start(record=["BTC_USD", "NO_SUCH"], **exchange)

    async def test_are_read_up_to_now_over_rpc_and_http(self) -> None:
        self.exchange.say(snapshot(BTC_USD, "9000", "9001"))
        await until(lambda: self.engine.venues["fake"].books["BTC_USD"].book.best_bid == 900_000)
        (listed,) = await self.client.list_recordings()
        self.assertEqual((listed["pair"], listed["tick_size"]), ("BTC_USD", "0.01"))
        page = await self.client.get_recording("fake", "BTC_USD")
        (segment,) = page["segments"]
        (_, time, received_at, bids, asks) = segment["events"][-1]
        self.assertEqual((bids, asks), ([[900_000, 100_000]], [[900_100, 100_000]]))
        self.assertEqual(int(segment["end"]) - int(segment["start"]), received_at)
        self.assertEqual((time, segment["opening"], page["next"]), (received_at, None, None))
        async with web_client(self.running.http_url) as web:
            read = (await web.get("/xwrap/v1/recordings/fake/BTC_USD")).json()
            self.assertEqual(read, page)
            self.assertEqual((await web.get("/xwrap/v1/recordings")).json(), [listed])

    async def test_go_on_while_books_are_followed_and_after(self) -> None:
        venue = self.engine.venues["fake"]
        await self.client.subscribe("book", "fake", "LTC_BTC")
        self.exchange.say(snapshot(BTC_USD, "9000", "9001"))
        await self.client.unsubscribe("book", "fake", "LTC_BTC")
        self.exchange.say(snapshot(LTC_BTC, "0.02", "0.021"))
        self.exchange.say(snapshot(BTC_USD, "9002", "9003"))
        await until(lambda: venue.books["BTC_USD"].book.best_bid == 900_200)
        (segment,) = (await self.client.get_recording("fake", "BTC_USD"))["segments"]
        bids = [event[3][0][0] for event in segment["events"]]
        self.assertEqual(bids, [999_900, 900_000, 900_200])

    async def test_survive_a_restart_with_the_interruption_marked(self) -> None:
        await self.restart()
        segments = (await self.client.get_recording("fake", "BTC_USD"))["segments"]
        self.assertEqual([one["opening"] for one in segments], [None, None])


class APage(WithAService):
    """A browser, which follows the market by Socket.IO."""

    async def connect(self) -> socketio.AsyncClient:
        page = socketio.AsyncClient()
        self.events: list[tuple[str, Any]] = []
        for event in ("book", "ticker", "trades"):
            page.on(event, lambda data, event=event: self.events.append((event, data)))
        token = token_for(self.running.http_url)
        await page.connect(self.running.http_url, transports=["websocket"], auth={"token": token})
        self.addAsyncCleanup(page.disconnect)
        return page

    def told(self, event: str) -> list[Any]:
        return [data for name, data in self.events if name == event]

    async def test_gets_a_book_with_its_snapshot_first_until_it_has_enough(self) -> None:
        page = await self.connect()
        wanted = {"channel": "book", "exchange": "fake", "pair": "BTC_USD"}
        self.assertEqual(await page.call("subscribe", wanted), {"status": "ok"})
        await until(lambda: self.told("book"))
        first = self.told("book")[0]
        self.assertEqual((first["type"], first["bids"]), ("snapshot", [["9999", "10"]]))
        now = utc_now()
        change = (Side.BUY, BTC_USD.to_ticks(Decimal("9998.5")), Lots(2500))
        self.exchange.say(BookUpdate("BTC_USD", [change], now, now))
        await until(lambda: len(self.told("book")) == 2)
        update = self.told("book")[1]
        self.assertEqual((update["type"], update["sequence"]), ("update", first["sequence"] + 1))
        self.assertEqual(update["bids"], [["9998.5", "0.25"]])
        ticker = {**wanted, "channel": "ticker"}
        await page.call("subscribe", ticker)
        await page.call("unsubscribe", wanted)
        self.exchange.say(snapshot(BTC_USD, "9000", "9001"))
        await until(lambda: self.told("ticker"))
        self.assertEqual((self.told("ticker")[0]["bid"], len(self.told("book"))), ("9000", 2))

    async def test_is_told_what_is_wrong_and_forgotten_when_it_leaves(self) -> None:
        page = await self.connect()
        for given, error in (
            ({"channel": "book", "exchange": "fake", "pair": "NO_SUCH"}, "unknown_name"),
            ({"channel": "gossip", "exchange": "fake", "pair": "BTC_USD"}, "api_usage"),
            (["book"], "api_usage"),
            ({"connection_id": 1}, "api_usage"),
        ):
            with self.subTest(given):
                answer = await page.call("subscribe", given)
                self.assertEqual(answer["error"]["data"]["error"], error)
        wanted = {"channel": "trades", "exchange": "fake", "pair": "BTC_USD"}
        await page.call("subscribe", wanted)
        notifications = self.engine.notifications
        self.assertTrue(notifications.is_wanted("trades", "fake", "BTC_USD"))
        await page.disconnect()
        await until(lambda: not notifications.is_wanted("trades", "fake", "BTC_USD"))


class MissedNotifications(WithAService):
    async def test_can_be_asked_for_by_number(self) -> None:
        start = await self.client.get_notifications_since()
        self.assertEqual((start["notifications"], start["complete"]), ([], True))
        await self.order("a", type="market", limit=None)
        await self.done("a")
        missed = await self.client.get_notifications_since(start["last_seq"])
        self.assertTrue(missed["complete"])
        told = [(each["method"], each["params"]) for each in missed["notifications"]]
        self.assertEqual(told, self.heard[-len(told) :])
        numbers = [each["seq"] for each in missed["notifications"]]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual(numbers[-1], self.client.last_seq)
        rest = await self.client.get_notifications_since(numbers[2])
        self.assertEqual(len(rest["notifications"]), len(numbers) - 3)

    async def test_from_before_a_restart_come_from_the_database(self) -> None:
        start = await self.client.get_notifications_since()
        await self.order("a", type="market", limit=None)
        done, trades = await self.done("a"), self.of("trade")
        await self.restart()
        missed = await self.client.get_notifications_since(start["last_seq"])
        self.assertFalse(missed["complete"])
        stored = [each for each in missed["notifications"] if each["method"] in ("order", "trade")]
        self.assertEqual([each["method"] for each in stored], ["trade", "order"])
        self.assertEqual([each["params"] for each in stored], [*trades, done])
        self.assertGreater(missed["last_seq"], start["last_seq"])

    async def test_from_before_a_restart_come_in_pages_that_miss_nothing(self) -> None:
        start = (await self.client.get_notifications_since())["last_seq"]
        for number in range(7):
            await asyncio.gather(
                self.order(f"rests {number}", size="0.01"),
                self.order(f"trades {number}", size="0.01", type="market", limit=None),
            )
        await self.done("trades 6")
        made = {each["client_order_id"] for each in await self.client.list_open_orders()}
        made |= {each["client_order_id"] for each in await self.client.list_recent_orders()}
        await self.restart()
        whole = await self.client.get_notifications_since(start)
        self.assertIsNone(whole["next"])
        for limit in (1, 2, 5):
            with self.subTest(limit=limit), mock.patch.object(status_api, "_STORED_PAGE", limit):
                page = await self.client.get_notifications_since(start)
                told, pages = page["notifications"], 1
                while page["next"] is not None:
                    self.assertFalse(page["complete"])
                    page = await self.client.get_notifications_since(start, after=page["next"])
                    told, pages = told + page["notifications"], pages + 1
                self.assertGreater(pages, 2)
                self.assertEqual(told, whole["notifications"])
        orders = [each["params"] for each in whole["notifications"] if each["method"] == "order"]
        self.assertEqual({each["client_order_id"] for each in orders}, made)

    async def test_are_numbered_on_although_the_clock_was_set_back(self) -> None:
        engine, hour = self.engine, 3600 * SECOND
        engine.notifications._clock = lambda: UtcNs(utc_now() + hour)
        await self.order("a", type="market", limit=None)
        await self.done("a")
        engine.notifications._clock = utc_now
        await self.order("b", type="market", limit=None)
        await self.done("b")
        before = engine.notifications.last_seq
        await self.restart()
        missed = await self.client.get_notifications_since(before)
        self.assertFalse(missed["complete"])
        trades = [each for each in missed["notifications"] if each["method"] == "trade"]
        self.assertEqual([each["params"]["client_order_id"] for each in trades], ["a", "b"])
        self.assertEqual([each["seq"] for each in trades], sorted({each["seq"] for each in trades}))
        self.assertGreater(missed["last_seq"], before)


class AClientThatComesBack(WithAService):
    async def start(self, **exchange: Any) -> None:
        await super().start(**exchange)
        if not hasattr(self, "faithful"):
            self.faithful = await XWrapClient.connect(self.running.rpc_url, reconnect=True)
            self.addAsyncCleanup(self.faithful.close)
            self.told: list[tuple[str, dict[str, Any]]] = []
            for method in ("order", "trade", "ticker"):
                self.faithful.on(method, self.noting(method))

    def noting(self, method: str) -> Any:
        return lambda params: self.told.append((method, params))

    def lose(self) -> None:
        self.faithful._connection.transport.abort()

    async def test_hears_everything_once_and_in_order(self) -> None:
        for number in range(12):
            await self.order(f"o{number}", type="market", limit=None, size="0.01")
            if number % 3 == 0:
                self.lose()
        await self.done("o11")
        expected = [each for each in self.heard if each[0] in ("order", "trade")]
        await until(lambda: len(self.told) >= len(expected))
        self.assertEqual(self.told, expected)

    async def test_gets_its_subscriptions_and_calls_back(self) -> None:
        await self.faithful.subscribe("ticker", "fake", "BTC_USD")
        self.lose()
        await until(lambda: not self.faithful._online.is_set())
        self.assertEqual((await self.faithful.get_status())["status"], "online")
        await until(lambda: self.engine.notifications.is_wanted("ticker", "fake", "BTC_USD"))
        self.exchange.say(snapshot(BTC_USD, "9000", "9001"))
        await until(lambda: [each for each in self.told if each[0] == "ticker"])

    async def test_learns_what_happened_before_a_restart(self) -> None:
        await self.order("a", type="market", limit=None)
        await self.done("a")
        await until(lambda: len(self.told) >= 4)
        before = len(self.told)
        # The connection breaks, an order fills, and the service is restarted on the same port.
        self.faithful.url = "ws://127.0.0.1:9"
        self.lose()
        await self.order("b", type="market", limit=None)
        done = await self.done("b")
        await self.restart()
        self.faithful.url = self.running.rpc_url
        await until(lambda: ("order", done) in self.told)
        news = self.told[before:]
        self.assertEqual([method for method, _ in news], ["trade", "order"])
        await self.order("c", type="market", limit=None)
        done = await self.done("c")
        await until(lambda: ("order", done) in self.told)
        trades = [params["id"] for method, params in self.told if method == "trade"]
        self.assertEqual(trades, sorted(set(trades)))
        self.assertEqual(len(trades), 3)

    async def test_learns_all_that_happened_before_a_restart_however_much(self) -> None:
        self.faithful.url = "ws://127.0.0.1:9"
        self.lose()
        oids = [f"o{number}" for number in range(9)]
        for oid in oids:
            await self.order(oid, type="market", limit=None, size="0.01")
        await self.done(oids[-1])
        await self.restart()
        with mock.patch.object(status_api, "_STORED_PAGE", 2):
            self.faithful.url = self.running.rpc_url
            await until(self.faithful._online.is_set)
        for method in ("order", "trade"):
            told = [params["client_order_id"] for name, params in self.told if name == method]
            self.assertEqual(told, oids)

    async def test_hears_once_of_what_happened_between_a_restart_and_its_return(self) -> None:
        self.faithful.url = "ws://127.0.0.1:9"
        self.lose()
        await self.restart()
        # Now both in the database and among the notifications that are remembered.
        await self.order("a", type="market", limit=None)
        done = await self.done("a")
        self.faithful.url = self.running.rpc_url
        await until(self.faithful._online.is_set)
        orders = [params for method, params in self.told if method == "order"]
        self.assertEqual(orders, [done])
        self.assertEqual([method for method, _ in self.told].count("trade"), 1)

    async def test_hears_of_a_fill_of_long_ago_that_was_reported_before_a_restart(self) -> None:
        await self.order("a")
        await until(lambda: [each for _, each in self.told if each["status"] == "open"])
        self.faithful.url = "ws://127.0.0.1:9"
        self.lose()
        await until(lambda: not self.faithful._online.is_set())
        # As a venue does that was out of reach for an hour.
        (order,) = self.engine.desk.orders.values()
        then, limit = UtcNs(utc_now() - 3600 * SECOND), order.limit
        assert limit is not None
        fill = Filled(order.id, limit, order.lots, True, then)
        filled = Finished(order.id, DoneReason.FILLED, then)
        self.engine.control.receive("fake", [fill, filled], utc_now())
        self.engine.journal.schedule()
        done = await self.done("a")
        before = len(self.told)
        await self.restart()
        self.faithful.url = self.running.rpc_url
        await until(lambda: ("order", done) in self.told)
        self.assertEqual([method for method, _ in self.told[before:]], ["trade", "order"])

    async def test_is_not_told_again_what_happened_before_it_came(self) -> None:
        await self.order("a", type="market", limit=None)
        await self.done("a")
        newcomer = await XWrapClient.connect(self.running.rpc_url, reconnect=True)
        self.addAsyncCleanup(newcomer.close)
        heard: list[str] = []
        for method in ("order", "trade"):
            newcomer.on(method, lambda params: heard.append(params["client_order_id"]))
        await self.restart()
        newcomer.url = self.running.rpc_url
        await until(lambda: newcomer.reconnects and newcomer._online.is_set())
        await self.order("b", type="market", limit=None)
        await until(lambda: len(heard) == 4)
        self.assertEqual(set(heard), {"b"})


class LogMessages(WithAService):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        logging.disable(logging.NOTSET)
        for name in ("xwrap", "user"):  # the test's own output stays clean
            logger = logging.getLogger(name)
            self.addCleanup(setattr, logger, "propagate", logger.propagate)
            logger.propagate = False
        self.client.on("logmessages", self.listener("logmessages"))

    async def test_are_told_in_the_references_shape_without_keys(self) -> None:
        logging.getLogger("xwrap.anything").info("not told")
        logging.getLogger("xwrap.anything").warning("the %s=hunter2 is wrong", "password")
        logging.getLogger("user.orders.test01").info("Order x is done")
        await until(lambda: len(self.of("logmessages")) == 2)
        warning, told = self.of("logmessages")
        self.assertEqual(warning["message"], "the password=[hidden] is wrong")
        self.assertEqual((told["name"], told["levelno"]), ("user.orders.test01", 20))
        self.assertEqual(
            set(told),
            {
                "created", "filename", "funcName", "levelname", "levelno", "lineno", "module",
                "msecs", "name", "pathname", "process", "processName", "relativeCreated", "thread",
                "threadName", "message",
            },
        )  # fmt: skip
        self.assertFalse(told["pathname"].startswith("/"))

    async def test_tell_users_of_their_orders(self) -> None:
        await self.order("a", type="market", limit=None)
        await until(lambda: self.of("logmessages"))
        self.assertEqual(self.of("logmessages")[0]["message"], "Order a of run is done: filled")

    async def test_are_bounded_and_say_how_many_were_left_out(self) -> None:
        logger = logging.getLogger("xwrap.flood")
        await asyncio.to_thread(lambda: [logger.warning("n %d", n) for n in range(500)])
        await self.client.echo_notify(end=True)
        await until(lambda: self.of("echo_ret"))
        self.assertLess(len(self.of("logmessages")), 100)
        self.assertGreaterEqual(len(self.of("logmessages")), 50)
