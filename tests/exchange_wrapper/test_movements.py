import asyncio
import json
import tempfile
import unittest
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_wrapper.accounts import EXCHANGE_SET, UNALLOCATED_SET
from exchange_wrapper.book import L2Book
from exchange_wrapper.db import create_database
from exchange_wrapper.desk import Desk
from exchange_wrapper.errors import ApiUsageError, XWrapError
from exchange_wrapper.journal import Journal
from exchange_wrapper.ledger import Ledger
from exchange_wrapper.models import MODELS
from exchange_wrapper.movements import Movement, recent_movements
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.orders import OrderRequest
from exchange_wrapper.paper_exchange import PaperExchange
from exchange_wrapper.terms import OrderType, Side
from exchange_wrapper.times import UtcNs
from tests.exchange_wrapper.fake_exchange import web_client
from tests.exchange_wrapper.test_desk import FEES, NOW, PAIR
from tests.exchange_wrapper.test_service import WithAService


class Movements(WithAService):
    async def told(self, **named: Any) -> list[dict[str, Any]]:
        return await self.client.list_movements(**named)

    async def test_tell_where_funds_went_and_why(self) -> None:
        set_id = await self.new_set("run", "100000")
        await self.order("a", set_id, limit="10000")
        done = await self.done("a")
        (trade,) = await self.client.list_trades()
        told = await self.told(wallet_set_id=set_id)
        self.assertEqual(
            [
                (each["reason"], each["currency"], each["movement"], each["balance"])
                for each in told
            ],
            [
                ("fee", "USD", "-10", "94990"),
                ("fill", "BTC", "0.5", "0.5"),
                ("fill", "USD", "-5000", "95000"),
                ("order", "USD", "5010", "100000"),
                ("order", "USD", "-5010", "100000"),
                ("allocation", "USD", "100000", "100000"),
            ],
        )
        self.assertEqual([each["on_hold"] for each in told], [False] * 3 + [True] * 2 + [False])
        self.assertEqual([each["trade_id"] for each in told], [trade["id"]] * 4 + [None] * 2)
        self.assertEqual([each["order_id"] for each in told], [done["id"]] * 5 + [None])
        self.assertEqual([each["client_order_id"] for each in told], ["a"] * 5 + [None])
        self.assertEqual(
            {(each["run_id"], each["wallet_set_type"], each["exchange"]) for each in told},
            {("run", "logical", "fake")},
        )
        self.assertEqual(told[0]["time"], trade["time"])
        async with web_client(self.running.http_url) as web:
            answer = await web.get("/xwrap/v1/movements", params={"wallet_set_id": set_id})
        self.assertEqual(answer.json(), json.loads(json.dumps(told)))

    async def test_are_those_of_what_is_named(self) -> None:
        one, two = await self.new_set("one", "50000"), await self.new_set("two", "50000")
        await self.order("a", one, run_id="one", limit="10000")
        order = await self.done("a")
        everything = await self.told()
        for named, fits in (
            ({"wallet_set_id": two}, lambda each: each["wallet_set_id"] == two),
            ({"run_id": "one"}, lambda each: each["wallet_set_id"] == one),
            ({"currency": "btc"}, lambda each: each["currency"] == "BTC"),
            ({"exchange": "fake", "currency": "USD", "run_id": "two"}, lambda each: (
                each["wallet_set_id"] == two and each["currency"] == "USD"
            )),
            ({"order_id": order["id"]}, lambda each: each["order_id"] == order["id"]),
            ({"order_id": order["id"], "wallet_set_id": EXCHANGE_SET}, lambda each: (
                each["order_id"] == order["id"] and each["wallet_set_type"] == "exchange"
            )),
            ({"since": order["created_at"]}, lambda each: each["time"] >= order["created_at"]),
            ({"since": order["created_at"], "wallet_set_id": one}, lambda each: (
                each["time"] >= order["created_at"] and each["wallet_set_id"] == one
            )),
        ):  # fmt: skip
            with self.subTest(**named):
                told = await self.told(**named)
                self.assertEqual(told, [each for each in everything if fits(each)])
                self.assertTrue(told)
        for named in ({"exchange": "nope"}, {"wallet_set_id": 99}, {"order_id": 99}):
            with self.subTest(**named):
                self.assertEqual(await self.told(**named), [])
        self.assertEqual(await self.told(since="2200-01-01T00:00:00Z"), [])
        with self.assertRaises(ApiUsageError):
            await self.told(since="yesterday")

    async def test_of_unallocated_funds_name_the_run_that_used_them(self) -> None:
        await self.order("a", limit="10000")
        await self.done("a")
        told = await self.told(wallet_set_id=UNALLOCATED_SET)
        self.assertEqual({each["run_id"] for each in told if each["order_id"]}, {"run"})
        self.assertEqual({each["run_id"] for each in told if not each["order_id"]}, {None})


ORDERS = st.lists(
    st.tuples(
        st.sampled_from(OrderType),
        st.sampled_from(Side),
        st.integers(1, 3_000).map(Lots),
        st.integers(9_998, 10_002).map(Ticks),
        st.sampled_from([3, 4, None]),
    ),
    max_size=12,
)


class Properties(unittest.TestCase):
    @settings(max_examples=25, deadline=None)
    @given(ORDERS, st.integers(1, 30))
    def test_the_movements_of_each_wallet_sum_to_its_balance(
        self, orders: list[tuple[OrderType, Side, Lots, Ticks, int | None]], limit: int
    ) -> None:
        ledger = Ledger()
        with tempfile.TemporaryDirectory() as folder:
            told = asyncio.run(self.trade(Path(folder) / "xwrap.db", ledger, orders, limit))
        settled: dict[int, Decimal] = defaultdict(Decimal)
        held: dict[int, Decimal] = defaultdict(Decimal)
        for movement in reversed(told):
            amounts = held if movement.on_hold else settled
            amounts[movement.wallet_id] += Decimal(movement.movement)
            assert movement.settled is not None
            self.assertEqual(settled[movement.wallet_id], Decimal(movement.settled))
        for wallet in ledger.wallets.values():
            self.assertEqual(settled[wallet.id], wallet.settled)
            self.assertEqual(held[wallet.id], wallet.held_debit)

    async def trade(
        self,
        path: Path,
        ledger: Ledger,
        orders: list[tuple[OrderType, Side, Lots, Ticks, int | None]],
        limit: int,
    ) -> list[Movement]:
        """Return all movements, read in pages: of all wallets at once, and of each by itself."""
        create_database(path, MODELS)
        exchange, book, desk = PaperExchange(latency_ns=1), L2Book(PAIR), Desk(ledger)
        exchange.add_pair(PAIR, book)
        desk.add_exchange("gdax", {"BTC_USD": PAIR}, FEES, exchange)
        book.replace([(Ticks(9_999), Lots(1_500))], [(Ticks(10_001), Lots(1_500))])
        ledger.deposit("gdax", "USD", Decimal(700), NOW)
        ledger.deposit("gdax", "BTC", Decimal(8), NOW)
        for run_id, currency, amount in (("one", "USD", "333.33"), ("two", "BTC", "3.5")):
            ledger.create_set(run_id, [("gdax", currency, Decimal(amount))], NOW)
        journal = Journal(path, desk.take_changes, lambda _: None, self.fail)
        await journal.open()
        try:
            for number, (type, side, size, price, set_id) in enumerate(orders):
                now = UtcNs(NOW + number)
                limit_price = None if type is OrderType.MARKET else PAIR.price(price)
                request = OrderRequest(
                    "run", str(number), "gdax", "BTC_USD", type, side, PAIR.size(size),
                    limit_price, set_id,
                )  # fmt: skip
                try:
                    desk.make_order(request, now)
                except XWrapError:
                    continue
                await journal.committed()
                desk.execute("gdax", exchange.advance(UtcNs(now + 1)))
            await journal.committed()

            async def page(wallet_ids: set[int] | None, before_id: int | None) -> list[Movement]:
                return await journal.read(
                    lambda database: recent_movements(
                        database, wallet_ids, None, None, before_id, limit
                    )
                )

            async def read(wallet_ids: set[int] | None) -> list[Movement]:
                told: list[Movement] = []
                while found := await page(wallet_ids, told[-1].id if told else None):
                    self.assertLessEqual(len(found), limit)
                    told += found
                return told

            told = await read(None)
            apart = [each for wallet_id in ledger.wallets for each in await read({wallet_id})]
            self.assertEqual(told, sorted(apart, reverse=True))
            self.assertEqual(told, await read(set(ledger.wallets)))
        finally:
            await journal.close()
        return told


if __name__ == "__main__":
    unittest.main()
