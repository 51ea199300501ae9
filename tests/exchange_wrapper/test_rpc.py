import inspect
import json
import logging
import unittest
from collections.abc import Awaitable
from typing import Any

from tinyrpc.dispatch import RPCDispatcher
from tinyrpc.exc import RPCError
from tinyrpc.protocols.jsonrpc import JSONRPCProtocol

from exchange_wrapper.errors import ApiUsageError, InsufficientFunds, UnknownName, XWrapError
from exchange_wrapper.rpc import RpcInterface, notification
from serving.registry import Api, Role, api_method
from serving.wire import decode, decode_request, error_from_wire, error_name, error_to_wire


class Service:
    def __init__(self) -> None:
        self.seen: list[Any] = []

    @api_method(Role.VIEWER)
    def subtract(self, *, minuend: int, subtrahend: int) -> int:
        """Return the difference."""
        self.seen.append((minuend, subtrahend))
        return minuend - subtrahend

    @api_method(Role.VIEWER)
    def nothing(self) -> None:
        """Return null."""

    @api_method(Role.VIEWER)
    async def later(self, *, value: Any) -> Any:
        """Return the value."""
        return value

    @api_method(Role.VIEWER)
    def poor(self) -> None:
        """Have no funds."""
        raise InsufficientFunds("no money", needed="5")

    @api_method(Role.VIEWER)
    async def broken(self) -> None:
        """Have a bug."""
        raise KeyError("internal detail")

    @api_method(Role.VIEWER)
    def whose(self, *, connection_id: int | None) -> int | None:
        """Return the caller."""
        return connection_id


class ARequest(unittest.TestCase):
    def test_with_a_member_twice_is_refused(self) -> None:
        for text in (
            '{"size": "1", "size": "2"}',
            '[{"a": {"size": 1}}, {"a": {"b": [{"size": 1, "x": 2, "size" : 3}]}}]',
            '{"size": 1, "s\\u0069ze": 1}',
        ):
            for raw in (text, text.encode()):
                with self.subTest(raw), self.assertRaisesRegex(ApiUsageError, "'size' comes twice"):
                    decode_request(raw)

    def test_may_have_what_looks_like_a_member_within_text(self) -> None:
        for value in (
            {"a": '"a": "b":', "b": [{"a": 1}, {"a": '\\":'}]},
            ['":', '"a" :', {"a": {"a": {"a": 1}}}],
            {},
        ):
            with self.subTest(value):
                self.assertEqual(decode_request(json.dumps(value)), value)

    def test_that_is_nested_deep_is_no_request(self) -> None:
        for depth in (500, 900, 990, 100_000):
            text = '{"a":' * depth + '"\\":"' + "}" * depth
            try:
                decode_request(text)
            except ValueError as error:
                self.assertIn("deep", str(error))


class Requests(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.service = Service()
        self.rpc = RpcInterface(Api(self.service))
        logging.disable(logging.ERROR)  # a method that breaks is logged
        self.addCleanup(logging.disable, logging.NOTSET)

    async def ask(self, message: str | bytes) -> Any:
        answer = self.rpc.handle_message(7, message)
        if inspect.isawaitable(answer):
            answer = await answer
        return None if answer is None else json.loads(answer)

    async def call(self, method: str, params: Any = None, **more: Any) -> Any:
        request = {"jsonrpc": "2.0", "method": method, "id": 1, **more}
        return await self.ask(
            json.dumps(request if params is None else request | {"params": params})
        )

    async def test_are_answered_with_their_id(self) -> None:
        params = {"minuend": 42, "subtrahend": 23}
        for request_id in (1, "one", 1.5, None, 0, ""):
            with self.subTest(request_id):
                answer = await self.call("subtract", params, id=request_id)
                self.assertEqual(answer, {"jsonrpc": "2.0", "result": 19, "id": request_id})

    async def test_that_wait_are_answered_too(self) -> None:
        self.assertEqual((await self.call("later", {"value": [1, "a"]}))["result"], [1, "a"])

    async def test_without_an_id_are_carried_out_and_not_answered(self) -> None:
        params = {"minuend": 2, "subtrahend": 1}
        for method in ("subtract", "nope", "poor", "broken"):
            with self.subTest(method):
                message = {"jsonrpc": "2.0", "method": method, "params": params}
                self.assertIsNone(await self.ask(json.dumps(message)))
        self.assertEqual(self.service.seen, [(2, 1)])

    async def test_that_fail_say_so_by_the_code_of_their_kind(self) -> None:
        for method, params, code in (
            ("nope", {}, -32601),
            ("setUp", {}, -32601),
            ("subtract", {"minuend": 1}, -32001),
            ("subtract", {"minuend": 1, "subtrahend": "2"}, -32001),
            ("subtract", [1, 2], -32602),
            ("subtract", 5, -32602),
            ("nothing", False, -32602),
            ("nothing", "", -32602),
            ("whose", {"connection_id": 1}, -32001),
            ("poor", {}, -32000),
            ("broken", {}, -32603),
        ):
            with self.subTest(method, params=params):
                answer = await self.call(method, params)
                self.assertEqual(answer["error"]["code"], code)
                self.assertEqual(answer["id"], 1)
                self.assertNotIn("result", answer)
                self.assertNotIn("internal detail", json.dumps(answer))

    async def test_without_funds_say_what_the_reference_says(self) -> None:
        error = (await self.call("poor"))["error"]
        self.assertEqual(error["data"], {"error": "insufficient_funds", "needed": "5"})

    async def test_that_are_not_json_or_not_requests_are_refused(self) -> None:
        for message, code in (
            ("{", -32700),
            (b"\xff", -32700),
            ("", -32700),
            ("[" * 100_000, -32700),
            ('{"jsonrpc":"2.0","method":"nothing","id":1e99999999999999999999}', -32700),
            ('{"jsonrpc": "2.0", "method": "nothing", "id": 1, "id": 2}', -32600),
            (f"[{'1,' * 1000}1]", -32600),
            ("[]", -32600),
            ("5", -32600),
            ("{}", -32600),
            ('{"jsonrpc": "1.0", "method": "nothing", "id": 1}', -32600),
            ('{"jsonrpc": "2.0", "method": 1, "id": 1}', -32600),
            ('{"jsonrpc": "2.0", "method": "nothing", "id": 1, "more": 1}', -32600),
            ('{"jsonrpc": "2.0", "method": "nothing", "id": {}}', -32600),
            ('{"jsonrpc": "2.0", "method": "nothing", "id": true}', -32600),
        ):
            with self.subTest(message[:60]):
                self.assertEqual((await self.ask(message))["error"]["code"], code)

    async def test_know_their_connection(self) -> None:
        self.assertEqual((await self.call("whose"))["result"], 7)

    async def test_in_a_batch_are_answered_together_in_their_order(self) -> None:
        batch = [
            {"jsonrpc": "2.0", "method": "later", "params": {"value": "x"}, "id": 1},
            {"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 3, "subtrahend": 1}},
            1,
            {"jsonrpc": "2.0", "method": "nothing", "id": 2},
            {"jsonrpc": "2.0", "method": "nope", "id": 3},
        ]
        answers = await self.ask(json.dumps(batch))
        self.assertEqual([answer["id"] for answer in answers], [1, None, 2, 3])
        self.assertEqual([answer.get("result") for answer in answers], ["x", None, None, None])
        self.assertIsNone(await self.ask(json.dumps(batch[1:2])))

    async def test_take_effect_in_their_order_though_answers_wait(self) -> None:
        def request(number: int) -> str:
            params = {"minuend": number, "subtrahend": 0}
            return json.dumps({"jsonrpc": "2.0", "method": "subtract", "params": params})

        waiting = [self.rpc.handle_message(1, request(number)) for number in range(5)]
        self.assertEqual(waiting, [None] * 5)
        self.assertEqual([first for first, _ in self.service.seen], list(range(5)))

    async def test_keep_the_digits_of_their_numbers(self) -> None:
        text = '{"jsonrpc":"2.0","method":"later","params":{"value":35521.123456789012345},"id":1}'
        answer = self.rpc.handle_message(1, text)
        assert isinstance(answer, Awaitable)
        self.assertIn(b"35521.123456789012345", await answer or b"")


class TheReferenceImplementation(unittest.IsolatedAsyncioTestCase):
    """tinyrpc, which the reference service was built on, gives the same answers.

    But for a request whose id is null: it is answered, as the standard says; tinyrpc does not.
    """

    MESSAGES = (
        '{"jsonrpc":"2.0","method":"subtract","params":{"minuend":5,"subtrahend":3},"id":1}',
        '{"jsonrpc":"2.0","method":"subtract","params":{"minuend":5,"subtrahend":3}}',
        '{"jsonrpc":"2.0","method":"nothing","id":"a"}',
        '{"jsonrpc":"2.0","method":"nothing","params":null,"id":"a"}',
        '{"jsonrpc":"2.0","method":"nothing","params":[],"id":2}',
        '{"jsonrpc":"2.0","method":"nope","id":3}',
        '{"jsonrpc":"2.0","method":"nothing","params":7,"id":4}',
        '{"jsonrpc":"2.0","method":"nothing","extra":7,"id":5}',
        '{"method":"nothing","id":6}',
        "[]",
        "{",
        '[{"jsonrpc":"2.0","method":"nothing","id":1},{"jsonrpc":"2.0","method":"nope","id":2}]',
        '[{"jsonrpc":"2.0","method":"nothing"}]',
    )

    def reference(self, message: str) -> Any:
        service, protocol, dispatcher = Service(), JSONRPCProtocol(), RPCDispatcher()
        dispatcher.add_method(service.subtract)
        dispatcher.add_method(service.nothing)
        try:
            answer = dispatcher.dispatch(protocol.parse_request(message))
        except RPCError as error:
            answer = error.error_respond()
        text = None if answer is None else answer.serialize()
        return json.loads(text) if text else None

    async def test_gives_the_same_answers(self) -> None:
        rpc = RpcInterface(Api(Service()))
        for message in self.MESSAGES:
            with self.subTest(message):
                answer = rpc.handle_message(None, message)
                if inspect.isawaitable(answer):
                    answer = await answer
                ours = None if answer is None else json.loads(answer)
                for each in ours if isinstance(ours, list) else [ours or {}]:
                    each.get("error", {}).pop("data", None)  # ours says more
                self.assertEqual(ours, self.reference(message))


class Notification(unittest.TestCase):
    def test_has_a_number(self) -> None:
        message = notification("order", {"id": 1}, 12)
        expected = {"jsonrpc": "2.0", "method": "order", "seq": 12, "params": {"id": 1}}
        self.assertEqual(decode(message), expected)


class ErrorsOnTheWire(unittest.TestCase):
    def test_come_back_as_the_class_they_were(self) -> None:
        kinds: list[type[XWrapError]] = [XWrapError]
        for kind in kinds:
            kinds.extend(kind.__subclasses__())
        self.assertEqual(len({error_name(kind) for kind in kinds}), len(kinds))
        for kind in kinds:
            with self.subTest(kind):
                back = error_from_wire(error_to_wire(kind("why", field="x")))
                self.assertIs(type(back), kind)
                self.assertEqual((back.message, back.data), ("why", {"field": "x"}))

    def test_of_unknown_kind_come_back_as_that_of_their_code(self) -> None:
        back = error_from_wire({"code": -32001, "message": "m", "data": {"error": "novel"}})
        self.assertEqual(type(back).__name__, "ApiUsageError")
        self.assertIs(type(error_from_wire({"code": -1, "message": "m"})), XWrapError)
        self.assertIsInstance(back, XWrapError)
        self.assertEqual(error_name(UnknownName), "unknown_name")
