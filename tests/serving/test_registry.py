import unittest
from collections.abc import Awaitable
from decimal import Decimal
from typing import Any

import msgspec

from exchange_wrapper.errors import ApiUsageError, Forbidden, MethodNotFoundError
from exchange_wrapper.terms import Side
from serving.registry import About, Amount, Api, Caller, Role, api_method
from serving.roles import Identity, Kind


class Item(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    amount: Amount


class Service:
    @api_method(Role.VIEWER, get="/{exchange}/thing")
    def thing(self, *, exchange: str, count: int = 3, side: Side | None = None) -> list[Any]:
        """Return what came in."""
        return [exchange, count, side]

    @api_method(Role.TRADER)
    def items(self, *, items: list[Item], flag: bool = False) -> list[Item]:
        """Return the items."""
        return items

    @api_method(Role.VIEWER)
    async def whose(self, *, connection_id: int | None) -> int | None:
        """Return the caller."""
        return connection_id

    @api_method(Role.VIEWER)
    def anything(self, *, connection_id: int | None, **arguments: Any) -> dict[str, Any]:
        """Return all."""
        return arguments | {"caller": connection_id}

    def secret(self) -> None:
        """Not for the outside."""


class TheRegistry(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.api = Api(Service(), about=About(prefix="/v1"))

    def test_has_what_is_marked_and_nothing_else(self) -> None:
        self.assertEqual(set(self.api.methods), {"thing", "items", "whose", "anything"})
        for name in ("secret", "__init__", "nope"):
            with self.subTest(name):
                self.assertRaises(MethodNotFoundError, self.api.method, name)

    def test_describes_its_routes(self) -> None:
        (route,) = self.api.uri_map()
        self.assertEqual(route["uri"], "/v1/{exchange}/thing")
        self.assertEqual(route["doc"], "Return what came in.")

    async def test_converts_arguments_to_their_types(self) -> None:
        self.assertEqual(await self.api.call("thing", {"exchange": "x"}), ["x", 3, None])
        given = {"exchange": "x", "count": 5, "side": "buy"}
        self.assertEqual(await self.api.call("thing", given), ["x", 5, Side.BUY])
        listed = await self.api.call("items", {"items": [{"name": "a", "amount": "0.10"}]})
        self.assertEqual(listed, [Item("a", Amount("0.10"))])

    def test_reads_amounts_from_plain_text_and_json_numbers_alone(self) -> None:
        items = self.api.method("items")
        for amount in ("0.10", "-7", 7, Decimal("1e-7"), Decimal("0.1")):
            with self.subTest(amount):
                (item,) = items.arguments({"items": [{"name": "a", "amount": amount}]})["items"]
                self.assertEqual(item.amount, Decimal(amount))
        for bad in ("1_0", " 100 ", "١٢", "１", "+1", "1e3", "", "NaN", True, None, [1], "1\n"):
            with self.subTest(bad), self.assertRaises(ApiUsageError) as caught:
                items.arguments({"items": [{"name": "a", "amount": bad}]})
            self.assertIn("items[0].amount: expected", caught.exception.message)

    def test_reads_text_from_a_url(self) -> None:
        thing = self.api.method("thing")
        self.assertEqual(thing.arguments({"exchange": "x", "count": "7"}, text=True)["count"], 7)
        self.assertRaises(ApiUsageError, thing.arguments, {"exchange": "x", "count": "7"})

    def test_refuses_a_wrong_call_and_names_the_field(self) -> None:
        for method, given, field in (
            ("thing", {}, "exchange"),
            ("thing", {"exchange": "x", "colour": 1}, "colour"),
            ("thing", {"exchange": 5}, "exchange"),
            ("thing", {"exchange": "x", "count": "5"}, "count"),
            ("thing", {"exchange": "x", "count": True}, "count"),
            ("thing", {"exchange": "x", "side": "left"}, "side"),
            ("thing", {"exchange": "x", "connection_id": 1}, "connection_id"),
            ("whose", {"connection_id": 1}, "connection_id"),
            ("anything", {"connection_id": 1}, "connection_id"),
            ("items", {"items": [{"name": "a"}]}, "items[0].amount"),
            ("items", {"items": [{"name": "a", "amount": "x"}]}, "items[0].amount"),
            ("items", {"items": {}}, "items"),
            ("thing", {"exchange": "x", "count": 1 << 53}, "count"),
            ("thing", {"exchange": "x", "count": -(1 << 64)}, "count"),
            ("thing", {"exchange": "x", "": 1}, ""),
            ("thing", {"exchange": "x", "a`b\n": 1}, "a`b\n"),
        ):
            with self.subTest(method, given=given), self.assertRaises(ApiUsageError) as caught:
                self.api.method(method).arguments(given)
            assert caught.exception.data is not None
            self.assertEqual(caught.exception.data["field"], field)
            self.assertIn(field, caught.exception.message)

    async def test_injects_the_connection(self) -> None:
        self.assertEqual(await self.api.call("whose", {}, Caller(42)), 42)
        self.assertEqual(
            await self.api.call("anything", {"a": 1}, Caller(42)), {"a": 1, "caller": 42}
        )

    async def test_asks_for_the_role_of_each_method(self) -> None:
        for role, welcome in ((Role.VIEWER, False), (Role.TRADER, True), (Role.ADMIN, True)):
            with self.subTest(role):
                who = Identity("somebody", role, None, Kind.USER)
                call = self.api.call("items", {"items": []}, Caller(identity=who))
                if welcome:
                    self.assertEqual(await call, [])
                else:
                    with self.assertRaisesRegex(Forbidden, "trader"):
                        await call

    async def test_counts_calls_by_how_they_end(self) -> None:
        await self.api.call("whose", {})
        for given in ({}, {"exchange": 1}):
            with self.assertRaises(ApiUsageError):
                await self.api.call("thing", given)
        self.assertEqual(self.api.method("whose").outcomes, {"ok": 1})
        self.assertEqual(self.api.method("thing").outcomes, {"api_usage": 2})
        self.assertEqual(self.api.method("thing").durations.count, 2)

    async def test_does_the_work_of_a_plain_method_before_anybody_waits(self) -> None:
        called: list[int] = []

        class Lazy:
            @api_method(Role.VIEWER)
            def act(self) -> Awaitable[None]:
                """Act now, answer later."""
                called.append(1)
                return later()

        async def later() -> None: ...

        lazy = Api(Lazy())
        answer = lazy.start(lazy.method("act"), {}, Caller())
        self.assertEqual(called, [1])
        await answer
