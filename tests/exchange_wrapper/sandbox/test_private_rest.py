import asyncio
import importlib
import json
import unittest
import uuid
from decimal import Decimal
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from exchange_wrapper.sandbox import DEMO, Faults, Limits, Profile, Replay, Simulation, serve
from exchange_wrapper.sandbox.capture import Capture
from exchange_wrapper.sandbox.keys import WS_VERIFY_PATH, sign
from exchange_wrapper.times import SECOND, UtcNs, from_iso

NOW = from_iso("2026-05-17T12:00:00.010Z")
VIEWER = Profile("viewer", "v", "dmlldw==", "v", frozenset({"view"}), {"USD": Decimal(5)})
BTC = "BTC-USD"


class Client:
    """Signs requests as a profile of the venue."""

    def __init__(self, client: httpx.AsyncClient, profile: Profile = DEMO) -> None:
        self.client = client
        self.profile = profile

    async def __call__(self, method: str, path: str, body: object = None) -> httpx.Response:
        text = "" if body is None else json.dumps(body)
        headers = self.headers(method, path, text)
        return await self.client.request(method, path, content=text, headers=headers)

    def headers(self, method: str, path: str, body: str) -> dict[str, str]:
        stamp = str(NOW // SECOND)
        return {
            "CB-ACCESS-KEY": self.profile.key,
            "CB-ACCESS-SIGN": sign(self.profile.secret, stamp, method, path, body),
            "CB-ACCESS-TIMESTAMP": stamp,
            "CB-ACCESS-PASSPHRASE": self.profile.passphrase,
        }


def order(price: str, **others: object) -> dict[str, object]:
    return {"product_id": BTC, "side": "buy", "price": price, "size": "0.001"} | others


class Served(unittest.IsolatedAsyncioTestCase):
    limits: Limits | None = None
    faults: Faults | None = None

    async def asyncSetUp(self) -> None:
        self.now = NOW
        self.simulation = Simulation(7, (DEMO, VIEWER))
        self.at = await self.enterAsyncContext(
            serve(
                self.simulation,
                clock=lambda: self.now,
                limits=self.limits,
                faults=self.faults,
            )
        )
        self.client = await self.enterAsyncContext(httpx.AsyncClient(base_url=self.at.rest_url))
        self.request = Client(self.client)
        self.low = str(Decimal(self.simulation.book(BTC, NOW).bids[0][0]) - 500)


class Requests(Served):
    async def test_place_query_list_and_cancel_orders(self) -> None:
        oid = str(uuid.uuid4())
        placed = (await self.request("POST", "/orders", order(self.low, client_oid=oid))).json()
        self.assertEqual((placed["status"], placed["filled_size"]), ("pending", "0.00000000"))
        by_id = (await self.request("GET", f"/orders/{placed['id']}")).json()
        self.assertEqual(by_id["status"], "open")
        by_oid = (await self.request("GET", f"/orders/client:{oid}")).json()
        self.assertEqual(by_oid, by_id)
        path = f"/orders?status=open&status=pending&product_id={BTC}"
        self.assertEqual((await self.request("GET", path)).json(), [by_id])
        again = await self.request("POST", "/orders", order(self.low, client_oid=oid))
        self.assertEqual(
            (again.status_code, again.json()["message"]), (400, "Duplicate client_oid")
        )
        gone = await self.request("DELETE", f"/orders/client:{oid}?product_id={BTC}")
        self.assertEqual(gone.json(), placed["id"])
        for path in (f"/orders/{placed['id']}", f"/orders/client:{oid}"):
            answer = await self.request("GET", path)
            self.assertEqual((answer.status_code, answer.json()), (404, {"message": "NotFound"}))

    async def test_cancel_all_of_a_product(self) -> None:
        ids = [(await self.request("POST", "/orders", order(self.low))).json()["id"] for _ in "ab"]
        self.assertEqual((await self.request("DELETE", "/orders?product_id=ETH-USD")).json(), [])
        answer = await self.request("DELETE", f"/orders?product_id={BTC}")
        self.assertEqual(set(answer.json()), set(ids))

    async def test_page_through_fills_and_tell_the_ledger_of_an_account(self) -> None:
        body = {"product_id": BTC, "side": "buy", "type": "market", "size": "0.01"}
        ids = [(await self.request("POST", "/orders", body)).json()["id"] for _ in range(3)]
        first = await self.request("GET", f"/fills?product_id={BTC}&limit=2")
        after = first.headers["CB-AFTER"]
        rest = await self.request("GET", f"/fills?product_id={BTC}&limit=2&after={after}")
        fills = first.json() + rest.json()
        self.assertEqual([fill["order_id"] for fill in fills], ids[::-1])
        one = await self.request("GET", f"/fills?order_id={ids[0]}")
        self.assertEqual(one.json(), fills[2:])
        self.assertEqual((await self.request("GET", "/fills")).status_code, 400)
        done = await self.request("DELETE", f"/orders/{ids[0]}")
        self.assertEqual((done.status_code, done.json()["message"]), (400, "Order already done"))
        accounts = {a["currency"]: a for a in (await self.request("GET", "/accounts")).json()}
        usd = (await self.request("GET", f"/accounts/{accounts['USD']['id']}")).json()
        self.assertEqual(usd, accounts["USD"])
        ledger = (await self.request("GET", f"/accounts/{usd['id']}/ledger")).json()
        self.assertEqual([e["type"] for e in ledger], ["fee", "match"] * 3 + ["transfer"])
        self.assertEqual(ledger[0]["balance"], usd["balance"])
        fees = (await self.request("GET", "/fees")).json()
        self.assertEqual((fees["maker_fee_rate"], fees["taker_fee_rate"]), ("0.0040", "0.0060"))

    async def test_are_refused_as_the_venue_does(self) -> None:
        low = self.low
        for body, code, message in (
            (order(low, size="1000"), 400, "Insufficient funds"),
            (order(low, size="0.000001"), 400, "size is too small. Minimum size is 1 in value"),
            (order(low + "1"), 400, f"price too precise ({low}1)"),
            (order(low, post_only=True, time_in_force="IOC"), 400,
             "post_only can't go with time_in_force IOC or FOK"),
            (order(low, time_in_force="GTT"), 400,
             "cancel_after goes with time_in_force GTT, and only with it"),
            (order(low, client_oid="7"), 400, "client_oid must be a UUID"),
            (order(low, product_id="NO-USD"), 404, "Product not found"),
            (order(low, type="market", funds="5"), 400, None),
            (order(low, type="stop"), 400, None),
            (order(low, side="up"), 400, None),
            ([], 400, None),
        ):  # fmt: skip
            with self.subTest(body=body):
                answer = await self.request("POST", "/orders", body)
                if message is not None:
                    self.assertEqual(answer.json(), {"message": message})
                self.assertEqual(answer.status_code, code)

    async def test_need_a_signature_and_a_permission(self) -> None:
        unsigned = await self.client.get("/accounts")
        self.assertEqual(unsigned.status_code, 401)
        self.assertEqual(unsigned.json(), {"message": "CB-ACCESS-KEY header is required"})
        viewer = Client(self.client, VIEWER)
        self.assertEqual((await viewer("GET", "/accounts")).status_code, 200)
        refused = await viewer("POST", "/orders", order(self.low))
        self.assertEqual((refused.status_code, refused.json()), (403, {"message": "Forbidden"}))
        placed = (await self.request("POST", "/orders", order(self.low))).json()
        self.assertEqual((await viewer("GET", f"/orders/{placed['id']}")).status_code, 404)

    async def test_to_a_recorded_market_find_nothing(self) -> None:
        async with serve(Replay(Capture("none", [], []))) as at:
            answer = await self.client.get(f"{at.rest_url}/accounts")
            self.assertEqual(answer.status_code, 404)
            self.assertIn("takes no orders", answer.json()["message"])


class LimitedRequests(Served):
    async def asyncSetUp(self) -> None:
        self.limits = Limits()
        await super().asyncSetUp()

    async def test_are_answered_429_beyond_their_budget(self) -> None:
        public = [(await self.client.get("/time")) for _ in range(16)]
        private = [(await self.request("GET", "/fees")) for _ in range(31)]
        for answers, scope in ((public, "Public"), (private, "Private")):
            with self.subTest(scope):
                self.assertEqual({answer.status_code for answer in answers[:-1]}, {200})
                self.assertEqual(answers[-1].status_code, 429)
                message = f"{scope} rate limit exceeded"
                self.assertEqual(answers[-1].json(), {"message": message})
        self.now = UtcNs(self.now + SECOND)
        self.assertEqual((await self.client.get("/time")).status_code, 200)


class FaultyVenue(Served):
    async def asyncSetUp(self) -> None:
        self.faults = Faults()
        await super().asyncSetUp()

    async def arm(self, kind: str, **others: object) -> None:
        answer = await self.client.post("/sandbox/faults", json={"kind": kind} | others)
        self.assertEqual(answer.status_code, 200, answer.text)

    async def test_accepts_an_order_and_loses_the_answer(self) -> None:
        oid = str(uuid.uuid4())
        await self.arm("lose_answer", method="POST", path="/orders")
        with self.assertRaises(httpx.TransportError):
            await self.request("POST", "/orders", order(self.low, client_oid=oid))
        found = await self.request("GET", f"/orders/client:{oid}")
        self.assertEqual((found.status_code, found.json()["status"]), (200, "open"))

    async def test_drops_a_request_before_it_is_carried_out(self) -> None:
        oid = str(uuid.uuid4())
        await self.arm("drop", method="POST")
        with self.assertRaises(httpx.TransportError):
            await self.request("POST", "/orders", order(self.low, client_oid=oid))
        self.assertEqual((await self.request("GET", f"/orders/client:{oid}")).status_code, 404)

    async def test_answers_wrongly_as_often_as_it_was_told(self) -> None:
        for kind, others, code in (
            ("rate_limit", {}, 429),
            ("server_error", {"status": 502}, 502),
            ("garbage", {}, 200),
            ("delay", {"seconds": 0}, 200),
        ):
            with self.subTest(kind):
                await self.arm(kind, path="/time", count=2, **others)
                answers = [await self.client.get("/time") for _ in range(3)]
                self.assertEqual([a.status_code for a in answers], [code, code, 200])
                self.assertIn("epoch", answers[2].json())

    async def test_sets_its_clock_wrong_until_it_is_cleared(self) -> None:
        await self.arm("clock_skew", seconds=60)
        self.assertEqual((await self.client.get("/time")).json()["epoch"], NOW / SECOND + 60)
        self.assertEqual((await self.request("GET", "/fees")).status_code, 401)
        self.assertEqual((await self.client.delete("/sandbox/faults")).json(), [])
        self.assertEqual((await self.request("GET", "/fees")).status_code, 200)

    async def test_refuses_faults_that_it_does_not_know(self) -> None:
        for body in ({"kind": "flood"}, {"kind": "drop", "count": 0}, {"kind": "drop", "x": 1}, 1):
            with self.subTest(body=body):
                answer = await self.client.post("/sandbox/faults", json=body)
                self.assertEqual(answer.status_code, 400)

    async def test_has_the_route_only_where_it_is_asked_for(self) -> None:
        async with serve(Simulation(7)) as at:
            answer = await self.client.post(f"{at.rest_url}/sandbox/faults", json={"kind": "drop"})
            self.assertEqual(answer.status_code, 404)


class Listener(Served):
    """Hears the feed as a profile."""

    async def subscribe(self, profile: Profile, **changes: object) -> ClientConnection:
        stamp = str(NOW // SECOND)
        socket = await self.enterAsyncContext(connect(self.at.ws_url, max_queue=None))
        command = {
            "type": "subscribe",
            "product_ids": [BTC],
            "channels": ["user", "level2"],
            "key": profile.key,
            "passphrase": profile.passphrase,
            "timestamp": stamp,
            "signature": sign(profile.secret, stamp, "GET", WS_VERIFY_PATH, ""),
        }
        await socket.send(json.dumps(command | changes))
        return socket

    async def heard(self, socket: ClientConnection, until: str) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        async with asyncio.timeout(10):
            while not messages or messages[-1]["type"] != until:
                messages.append(json.loads(await socket.recv()))
        return messages


class UserChannel(Listener):
    async def test_tells_the_life_of_an_order_in_order_and_to_its_owner_only(self) -> None:
        mine, others = await self.subscribe(DEMO), await self.subscribe(VIEWER)
        for socket in (mine, others):
            first = await self.heard(socket, "snapshot")
            self.assertEqual([m["type"] for m in first], ["subscriptions", "snapshot"])
        oid = str(uuid.uuid4())
        ask, size = self.simulation.book(BTC, NOW).asks[0]
        body = order(ask, size=str(Decimal(size) + 1), client_oid=oid)
        placed = (await self.request("POST", "/orders", body)).json()
        await self.request("DELETE", f"/orders/{placed['id']}")
        told = await self.heard(mine, "done")
        self.assertEqual([m["type"] for m in told], ["received", "match", "open", "done"])
        received, match, opened, done = told
        self.assertEqual((received["client_oid"], received["order_id"]), (oid, placed["id"]))
        self.assertEqual((match["taker_order_id"], match["side"]), (placed["id"], "sell"))
        self.assertEqual((match["size"], match["taker_fee_rate"]), (size, "0.0060"))
        self.assertNotIn("maker_fee_rate", match)
        self.assertEqual(Decimal(opened["remaining_size"]), 1)
        self.assertEqual((done["reason"], Decimal(done["remaining_size"])), ("canceled", 1))
        self.assertEqual({m["profile_id"] for m in told}, {DEMO.profile_id})
        self.now = UtcNs(self.now + SECOND)
        await self.client.get("/time")
        self.simulation.trading.wake()
        self.assertEqual({m["type"] for m in await self.heard(others, "l2update")}, {"l2update"})

    async def test_refuses_who_can_not_prove_to_be_one(self) -> None:
        for changes, reason in (
            ({"signature": "AAAA"}, "invalid signature"),
            ({"key": "other"}, "Invalid API Key"),
            ({"timestamp": "1"}, "request timestamp expired"),
        ):
            with self.subTest(reason):
                (told,) = await self.heard(await self.subscribe(DEMO, **changes), "error")
                self.assertEqual(
                    (told["message"], told["reason"]), ("Authentication Failed", reason)
                )

    async def test_order_by_order_channels_are_not_offered(self) -> None:
        (told,) = await self.heard(await self.subscribe(DEMO, channels=["full"]), "error")
        self.assertIn("not offered", told["reason"])


class FaultyFeed(Listener):
    async def asyncSetUp(self) -> None:
        self.faults = Faults()
        await super().asyncSetUp()

    async def test_leaves_messages_out_and_cuts_its_connections(self) -> None:
        socket = await self.subscribe(DEMO)
        await self.heard(socket, "snapshot")
        gap = {"kind": "feed_gap", "channel": "user", "count": 1}
        await self.client.post("/sandbox/faults", json=gap)
        await self.request("POST", "/orders", order(self.low))
        told = await self.heard(socket, "open")
        self.assertEqual([m["type"] for m in told], ["open"])
        await self.client.post("/sandbox/faults", json={"kind": "feed_disconnect"})
        await socket.wait_closed()


class PinnedClient(Served):
    def setUp(self) -> None:
        try:
            self.ccxt = importlib.import_module("ccxt")
        except ImportError:
            self.skipTest("ccxt is not installed")

    async def test_of_ccxt_trades(self) -> None:
        client = self.ccxt.coinbaseexchange(
            {
                "apiKey": DEMO.key,
                "secret": DEMO.secret,
                "password": DEMO.passphrase,
                "urls": {"api": {"public": self.at.rest_url, "private": self.at.rest_url}},
                "enableRateLimit": False,
                "number": str,
            }
        )
        client.nonce = lambda: NOW // SECOND
        self.addCleanup(client.session.close)
        await asyncio.to_thread(self.trade, client)

    def trade(self, client: Any) -> None:
        ask = self.simulation.book(BTC, NOW).asks[0][0]
        symbol, low, oid = "BTC/USD", self.low, str(uuid.uuid4())
        usd = client.fetch_balance()["USD"]
        self.assertEqual(Decimal(usd["free"]), DEMO.balances["USD"])
        params = {"clientOrderId": oid, "postOnly": True}
        resting = client.create_order(symbol, "limit", "buy", "0.01", low, params)
        self.assertEqual([o["id"] for o in client.fetch_open_orders(symbol)], [resting["id"]])
        self.assertEqual(client.fetch_order(resting["id"])["clientOrderId"], oid)
        self.assertEqual(
            Decimal(client.fetch_balance()["USD"]["used"]), Decimal(low) / 100 * Decimal("1.006")
        )
        client.cancel_order(resting["id"])
        self.assertEqual(client.fetch_open_orders(symbol), [])
        with self.assertRaises(self.ccxt.OrderNotFound):
            client.fetch_order(resting["id"])
        for kind, price, params in (
            ("limit", ask, {"timeInForce": "IOC"}),
            ("limit", ask, {"timeInForce": "FOK"}),
            ("market", None, {}),
        ):
            with self.subTest(kind, **params):
                placed = client.create_order(symbol, kind, "buy", "0.001", price, params)
                done = client.fetch_order(placed["id"])
                self.assertEqual(
                    (done["status"], Decimal(done["filled"])), ("closed", Decimal("0.001"))
                )
                (fill,) = client.fetch_order_trades(placed["id"], symbol)
                self.assertEqual((fill["takerOrMaker"], fill["side"]), ("taker", "buy"))
        self.assertEqual(len(client.fetch_my_trades(symbol)), 3)
        rejected = client.create_order(symbol, "limit", "buy", "1", ask, {"postOnly": True})
        self.assertEqual(rejected["status"], "rejected")
        with self.assertRaises(self.ccxt.InsufficientFunds):
            client.create_order(symbol, "limit", "buy", "10000", low)
        client.create_order(symbol, "limit", "buy", "0.01", low)
        client.cancel_all_orders(symbol)
        self.assertEqual(client.fetch_open_orders(symbol), [])
