"""xWrap trades live at the sandbox: real processes, real keys, a network that breaks on demand."""

import asyncio
import json
import sys
import tempfile
import unittest
from contextlib import AsyncExitStack
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from exchange_wrapper.client import XWrapClient
from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.terms import OrderType, Side
from tests.system.live_sandbox import KEYS, LiveXWrap, live_sandbox, trade, until
from tests.system.processes import ROOT
from tests.system.test_crash import ready

Json = dict[str, Any]

FUNDS = [("gdax", "USD", "200000"), ("gdax", "BTC", "2")]
ORDERS = 200


class Live(unittest.IsolatedAsyncioTestCase):
    limits = False

    async def asyncSetUp(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.venue = await self.enterAsyncContext(live_sandbox(folder, limits=self.limits))
        self.xwrap = LiveXWrap(folder, self.venue.service)
        await self.xwrap.init_db()

    async def start(self, stack: AsyncExitStack) -> None:
        """Run xWrap, and wait until it trades."""
        self.service = await stack.enter_async_context(self.xwrap.running())
        self.client = await ready(await XWrapClient.connect(self.service.url("rpc")))
        await until(self.unallocated)

    async def unallocated(self) -> bool:
        told = await self.client.get_total_wallet_set()
        return any(Decimal(wallet["balance"]) for wallet in told["wallets"])

    async def order(self, oid: str, wallet_set: int, **fields: Any) -> tuple[str, str]:
        described = {"type": "limit", "side": "buy", "size": "0.01", "limit": "1000"} | fields
        if described["limit"] is None:
            del described["limit"]
        return await self.client.make_order(
            run_id="live", exchange="gdax", client_oid=oid, pair="BTC_USD",
            wallet_set_id=wallet_set, **described,
        )  # fmt: skip

    async def get(self, oid: str) -> Json:
        return await self.client.get_order("gdax", oid)

    async def reaches(self, oid: str, status: str) -> Json:
        """Return an order once it has come so far."""

        async def there() -> Json | None:
            order = await self.get(oid)
            return order if order["status"] == status else None

        order = await until(there)
        assert order is not None
        return order

    async def equals_the_venue(self) -> bool:
        """Tell whether total balances and open orders are the venue's own."""
        at_venue = await self.venue.funds()
        told = (await self.client.get_total_wallet_set())["wallets"]
        mine = {wallet["currency"]: Decimal(wallet["balance"]) for wallet in told}
        return mine == {currency: at_venue[currency][0] for currency in mine}

    async def ask(self) -> Decimal:
        """Return the best price asked."""
        return Decimal(str((await self.client.get_pricing("gdax"))["BTC_USD"]["ask"]))

    async def incidents(self, kind: str) -> list[Json]:
        return [each for each in await self.client.call("list_incidents") if each["kind"] == kind]


class Orders(Live):
    async def test_of_every_kind_come_out_as_the_venue_says(self) -> None:
        async with AsyncExitStack() as stack:
            await self.start(stack)
            wallet_set = await self.client.create_wallet_set("live", FUNDS)
            market = {"type": "market", "limit": None}
            for oid, fields, reason, filled in (
                ("market buy", market, "filled", "0.01"),
                ("market sell", market | {"side": "sell"}, "filled", "0.01"),
                ("marketable limit", {"limit": "99999"}, "filled", "0.01"),
                ("ioc off the market", {"type": OrderType.IOC.value}, "cancelled", "0"),
                ("ioc", {"type": OrderType.IOC.value, "limit": "99999"}, "filled", "0.01"),
                (
                    "fok too large",
                    {"type": OrderType.FOK.value, "size": "2", "limit": "70000"},
                    "cancelled",
                    "0",
                ),
                ("fok", {"type": OrderType.FOK.value, "limit": "99999"}, "filled", "0.01"),
            ):
                with self.subTest(oid):
                    self.assertEqual((await self.order(oid, wallet_set, **fields))[0], "accepted")
                    done = await self.reaches(oid, "done")
                    self.assertEqual((done["done_reason"], done["filled_size"]), (reason, filled))
            await until(self.equals_the_venue)

            with self.subTest("a market buy stays within its funds"):
                await self.order("funds", wallet_set, **market | {"size": "1", "funds": "700"})
                done = await self.reaches("funds", "done")
                self.assertEqual(done["done_reason"], "cancelled")
                cost = Decimal(done["filled_size"]) * Decimal(done["avg_price"])
                self.assertLess(cost + Decimal(done["fee"]), 700)
                self.assertGreater(cost + Decimal(done["fee"]), 690)

            with self.subTest("one that may only rest is rejected where it would take"):
                before = await self.client.get_wallet("gdax", "USD", wallet_set)
                ask = str(await self.ask() + 100)
                await self.order("post", wallet_set, limit=ask, post_only=True)
                done = await self.reaches("post", "done")
                self.assertEqual((done["done_reason"], done["message"]), ("rejected", "post only"))
                after = await self.client.get_wallet("gdax", "USD", wallet_set)
                self.assertEqual(after["available"], before["available"])
                await self.order("posted", wallet_set, post_only=True)
                await self.reaches("posted", "open")
                await self.client.cancel_order("gdax", "posted")
                await self.reaches("posted", "done")

            with self.subTest("one that rests is cancelled"):
                await self.order("rests", wallet_set)
                await self.reaches("rests", "open")
                await self.client.cancel_order("gdax", "rests")
                self.assertEqual((await self.reaches("rests", "done"))["done_reason"], "cancelled")

            with self.subTest("what rests expires"):
                await self.order("expires", wallet_set, cancel_after=1)
                self.assertEqual((await self.reaches("expires", "done"))["done_reason"], "expired")

            with self.subTest("the venue's refusal is a rejection in its own words"):
                # Of its accounts more is taken than xWrap knows.
                await trade(self.venue.own, Side.SELL, "9.5", "900000")
                await self.order("poor", wallet_set, side="sell", size="1.9", limit="900000")
                done = await self.reaches("poor", "done")
                self.assertEqual(done["done_reason"], "rejected")
                self.assertIn("Insufficient funds", done["message"])

            with self.subTest("two of our own do not trade with each other"):
                for attempt in count():
                    at = await self.inside_the_spread()
                    maker, taker = f"maker {attempt}", f"taker {attempt}"
                    await self.order(maker, wallet_set, side="sell", limit=at)
                    await until(lambda oid=maker: self.has_arrived(oid))
                    await self.order(taker, wallet_set, limit=at)
                    done = await self.reaches(taker, "done")
                    if done["filled_size"] == "0":  # else the market has come in between
                        break
                    await self.client.cancel_order("gdax", maker)
                self.assertEqual(done["done_reason"], "cancelled")
            self.assertEqual((await self.client.get_health())["ledger_faults"], [])
            self.assertEqual(await self.incidents("difference"), [])

    async def has_arrived(self, oid: str) -> bool:
        return (await self.get(oid))["status"] in ("open", "done")

    async def inside_the_spread(self) -> str:
        """Return a price below the best ask, at which a sell order rests and ours is the best."""
        return str(await self.ask() - Decimal("0.01"))

    async def test_it_takes_over_the_venues_balances_and_refuses_virtual_ones(self) -> None:
        async with AsyncExitStack() as stack:
            await self.start(stack)
            self.assertTrue(await self.equals_the_venue())
            self.assertEqual((await self.client.get_control())["suspense"], [])
            self.assertEqual(
                {each["subject"] for each in await self.incidents("opened")}, {"BTC", "USD"}
            )
            with self.assertRaisesRegex(ApiUsageError, "gdax is live"):
                await self.client.call(
                    "add_virtual_wallet_tx", exchange="gdax", base="USD", movement="1"
                )


class Trouble(Live):
    async def test_an_order_whose_answer_is_lost_is_found_and_not_doubled(self) -> None:
        async with AsyncExitStack() as stack:
            await self.start(stack)
            wallet_set = await self.client.create_wallet_set("live", FUNDS)
            # The answer is lost, nobody hears the reports, and asking for it fails too.
            await self.venue.arm("feed_gap", channel="user", count=1)
            await self.venue.arm("lose_answer", method="POST", path="/orders")
            await self.venue.arm("drop", method="GET", path="/orders/client:", count=12)
            await self.order("lost", wallet_set)
            unknown = await self.reaches("lost", "unknown")
            self.assertEqual((await self.client.get_control())["unknown_orders"], [unknown["id"]])
            status, message = await self.order("next", wallet_set)
            self.assertEqual(status, "rejected")
            self.assertIn("lost", message)
            await self.reaches("lost", "open")
            self.assertEqual(await self.order("after", wallet_set), ("accepted", ""))
            await self.reaches("after", "open")
            self.assertEqual(len(await self.venue.own.open_orders()), 2)

    async def test_a_kill_and_fills_meanwhile_end_with_what_the_venue_has(self) -> None:
        async with AsyncExitStack() as stack:
            await self.start(stack)
            wallet_set = await self.client.create_wallet_set("live", FUNDS)
            near = str((await self.ask() * Decimal("1.005")).quantize(Decimal("0.01")))
            sell = {"side": "sell", "size": "0.2"}
            await self.order("part", wallet_set, **sell | {"limit": near})
            await self.order("rests", wallet_set, **sell | {"limit": "900000"})
            await self.order("gone", wallet_set)
            for oid in ("part", "rests", "gone"):
                await self.reaches(oid, "open")
            orders = {str(each.limit): each for each in await self.venue.own.open_orders()}
            await self.service.kill()
        # Nobody of us is there when another one takes a part, and another is cancelled.
        (part,) = (each for limit, each in orders.items() if Decimal(limit) == Decimal(near))
        (gone,) = (each for each in orders.values() if each.side is Side.BUY)
        await self.venue.sell_to_others(part.client_id, "0.05")
        await self.venue.own.cancel(gone.client_id)
        async with AsyncExitStack() as stack:
            await self.start(stack)
            self.assertEqual((await self.reaches("gone", "done"))["done_reason"], "cancelled")

            async def same() -> bool:
                at_venue = {
                    (each.limit, each.filled_size) for each in await self.venue.own.open_orders()
                }
                mine = {
                    (Decimal(each["limit"]), Decimal(each["filled_size"]))
                    for each in await self.client.list_open_orders()
                }
                return at_venue == mine and await self.equals_the_venue()

            await until(same)
            part = await self.get("part")
            trades = await self.client.list_trades("live")
            self.assertGreater(Decimal(part["filled_size"]), 0)
            self.assertEqual(
                sum(Decimal(each["exec_amount"]) for each in trades), Decimal(part["filled_size"])
            )
            self.assertEqual(len({each["ext_id"] for each in trades}), len(trades))
            self.assertEqual(await self.incidents("external_fill"), [])
            self.assertEqual((await self.client.get_health())["ledger_faults"], [])

    async def test_what_others_do_with_our_account_is_shown_and_never_adopted(self) -> None:
        async with AsyncExitStack() as stack:
            await self.start(stack)
            await trade(self.venue.own, Side.BUY, "0.01", "1000")
            await trade(self.venue.own, Side.BUY, "0.02", "99999", OrderType.IOC)

            async def shown() -> bool:
                orders = await self.incidents("external_order")
                fills = await self.incidents("external_fill")
                return len(orders) == 2 and len(fills) >= 1

            await until(shown)
            self.assertEqual(await self.client.list_open_orders(), [])
            self.assertEqual(await self.client.list_trades(), [])
            known = len(await self.client.call("list_incidents"))
            await self.service.kill()
        async with AsyncExitStack() as stack:
            await self.start(stack)

            async def differs() -> bool:
                return len((await self.client.get_control())["suspense"]) == 2

            await until(differs)
            kinds = [each["kind"] for each in await self.client.call("list_incidents")]
            self.assertEqual(len(kinds), known + kinds.count("difference"))
            self.assertEqual(await self.client.list_open_orders(), [])

    async def test_reports_that_were_missed_are_caught_up_after_a_reconnect(self) -> None:
        async with AsyncExitStack() as stack:
            await self.start(stack)
            wallet_set = await self.client.create_wallet_set("live", FUNDS)
            await self.order("cancelled", wallet_set)
            await self.reaches("cancelled", "open")
            await self.venue.arm("feed_gap", channel="user", count=2)
            await self.order("filled", wallet_set, limit="99999")
            (mine,) = [o for o in await self.venue.own.open_orders() if o.side is Side.BUY]
            await self.venue.arm("feed_gap", channel="user", count=1000)
            await self.venue.own.cancel(mine.client_id)
            await self.venue.clear()
            await self.venue.arm("feed_disconnect")
            for oid, reason in (("cancelled", "cancelled"), ("filled", "filled")):
                done = await self.reaches(oid, "done")
                self.assertEqual(done["done_reason"], reason, oid)
            await until(self.equals_the_venue)


class KillSwitch(Live):
    async def test_200_orders_are_gone_from_the_venue(self) -> None:
        async with AsyncExitStack() as stack:
            await self.start(stack)
            wallet_set = await self.client.create_wallet_set("live", FUNDS)
            for number in range(ORDERS):
                await self.order(f"bid-{number}", wallet_set, size="0.001")

            async def all_open() -> bool:
                return len(await self.venue.own.open_orders()) == ORDERS

            await until(all_open)
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "exchange_wrapper.service", "kill", "cancel", "--json",
                "--url", self.service.url("rpc"), "--db", self.xwrap.environment["SQLITE_DB"],
                cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            answer, _ = await process.communicate()
            self.assertEqual(json.loads(answer)["cancelling"], ORDERS)

            async def none_open() -> bool:
                return not await self.client.list_open_orders()

            await until(none_open)
            self.assertEqual(await self.venue.own.open_orders(), [])
            wallets = (await self.client.get_wallet_set(wallet_set))["wallets"]
            self.assertEqual({wallet["hold"] for wallet in wallets}, {"0"})
            await until(self.equals_the_venue)


class WithoutKeys(Live):
    async def test_the_start_is_refused_in_one_sentence(self) -> None:
        environment = self.xwrap.environment.copy()
        for name in KEYS:
            del environment[name]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "exchange_wrapper.service", "run",
            "--config", str(self.xwrap.config), cwd=ROOT,
            env={"PATH": ""} | environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, told = await process.communicate()
        self.assertNotEqual(process.returncode, 0)
        self.assertRegex(told.decode(), r"^\S+: gdax can't trade live without keys: .*\n$")
