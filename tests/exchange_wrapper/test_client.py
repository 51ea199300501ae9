import asyncio
import gc
import logging
import unittest
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve

from exchange_wrapper.client import XWrapClient
from exchange_wrapper.errors import (
    ApiUsageError,
    InsufficientFunds,
    MethodNotFoundError,
    ProcessingError,
    Unavailable,
)
from exchange_wrapper.rpc import notification
from serving.wire import decode, encode, error_to_wire
from tests.exchange_wrapper.fake_exchange import until

Answer = Callable[[ServerConnection, dict[str, Any]], Awaitable[None]]


class WithAServer(unittest.IsolatedAsyncioTestCase):
    """A server that answers as the test says."""

    async def asyncSetUp(self) -> None:
        logging.disable(logging.CRITICAL)  # a handler that breaks is logged
        self.addCleanup(logging.disable, logging.NOTSET)
        self.asked: list[dict[str, Any]] = []
        self.answer: Answer = self.say_ok
        self.server: Server = await serve(self.serve, "127.0.0.1", 0, compression=None)
        self.addAsyncCleanup(self.server.wait_closed)
        self.addCleanup(self.server.close)
        self.url = f"ws://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def serve(self, connection: ServerConnection) -> None:
        async for message in connection:
            request = decode(message)
            self.asked.append(request)
            await self.answer(connection, request)

    async def client(self, timeout_s: float = 10) -> XWrapClient:
        client = await XWrapClient.connect(self.url, name="test", timeout_s=timeout_s)
        self.addAsyncCleanup(client.close)
        return client

    async def say_ok(self, connection: ServerConnection, request: dict[str, Any]) -> None:
        await self.say(connection, request, result={"ok": True})

    async def say(
        self, connection: ServerConnection, request: dict[str, Any], **answer: Any
    ) -> None:
        await connection.send(encode({"jsonrpc": "2.0", "id": request["id"], **answer}), text=True)


class AClient(WithAServer):
    async def test_sends_arguments_by_name_and_amounts_as_text(self) -> None:
        async def accept(connection: ServerConnection, request: dict[str, Any]) -> None:
            await self.say(connection, request, result=["accepted", ""])

        self.answer = accept
        client = await self.client()
        answer = await client.make_order(
            run_id="r", exchange="x", client_oid="o", type="market", pair="BTC_USD",
            size=Decimal("0.10"), side="buy",
        )  # fmt: skip
        self.assertEqual(answer, ("accepted", ""))
        (request,) = self.asked
        self.assertEqual((request["method"], request["params"]["size"]), ("make_order", "0.1"))
        self.assertNotIn("limit", request["params"])

    async def test_matches_answers_that_come_in_another_order(self) -> None:
        waiting: list[dict[str, Any]] = []

        async def answer_backwards(connection: ServerConnection, request: dict[str, Any]) -> None:
            waiting.append(request)
            if len(waiting) == 3:
                for each in reversed(waiting):
                    await self.say(connection, each, result=each["params"])

        self.answer = answer_backwards
        client = await self.client()
        answers = await asyncio.gather(*(client.echo(number=number) for number in range(3)))
        self.assertEqual(answers, [{"number": number} for number in range(3)])

    async def test_raises_what_xwrap_raised(self) -> None:
        for error in (
            InsufficientFunds("no money", needed="5"),
            ApiUsageError("wrong", field="size"),
            MethodNotFoundError("Method not found"),
        ):

            async def fail(
                connection: ServerConnection,
                request: dict[str, Any],
                wire: Any = error_to_wire(error),  # noqa: B008
            ) -> None:
                await self.say(connection, request, error=wire)

            self.answer = fail
            with self.subTest(error), self.assertRaises(type(error)) as caught:
                await (await self.client()).get_status()
            self.assertEqual(caught.exception.data, error.data)  # type: ignore[attr-defined]

    async def test_passes_notifications_on_although_a_handler_breaks(self) -> None:
        async def notify(connection: ServerConnection, request: dict[str, Any]) -> None:
            for number in (1, 2):
                await connection.send(notification("order", {"n": number}, number), text=True)
            await connection.send(notification("unheard", {}, 3), text=True)
            await self.say_ok(connection, request)

        self.answer = notify
        client = await self.client()
        heard: list[Any] = []
        client.on("order", lambda params: 1 / 0)  # type: ignore[arg-type, return-value]
        client.on("order", heard.append)
        await client.get_status()
        self.assertEqual(heard, [{"n": 1}, {"n": 2}])
        self.assertEqual(client.last_seq, 3)

    async def test_does_not_wait_for_ever(self) -> None:
        async def stay_silent(connection: ServerConnection, request: dict[str, Any]) -> None: ...

        self.answer = stay_silent
        client = await self.client(timeout_s=0.5)
        with self.assertRaisesRegex(Unavailable, "get_status"):
            await client.get_status()
        self.answer = self.say_ok
        self.assertEqual(await client.get_status(), {"ok": True})

    async def test_leaves_no_unseen_error_of_a_call_given_up_while_sending(self) -> None:
        unseen: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: unseen.append(what))
        over = asyncio.Event()
        self.addCleanup(over.set)

        async def read_no_more(connection: ServerConnection, request: dict[str, Any]) -> None:
            await over.wait()

        self.answer = read_no_more
        client = await self.client()
        calls = [asyncio.create_task(client.echo(text="x" * 500_000)) for _ in range(50)]
        while client._connection.transport.get_write_buffer_size() < 1_000_000:  # noqa: ASYNC110
            await asyncio.sleep(0)
        calls[-1].cancel()  # it is still sending, so nothing but this wakes it
        client._fail_waiting()
        over.set()
        with self.assertRaises(asyncio.CancelledError):
            await calls.pop()
        await asyncio.gather(*calls, return_exceptions=True)
        gc.collect()
        self.assertEqual(unseen, [])

    async def test_says_when_xwrap_goes_away(self) -> None:
        async def hang_up(connection: ServerConnection, request: dict[str, Any]) -> None:
            connection.transport.abort()

        self.answer = hang_up
        client = await self.client()
        for _ in range(2):
            with self.assertRaisesRegex(Unavailable, "has ended"):
                await client.get_status()
        await asyncio.wait_for(client.wait_closed(), 5)

    async def test_says_when_xwrap_talks_nonsense(self) -> None:
        async def answer_text(connection: ServerConnection, request: dict[str, Any]) -> None:
            await self.say(connection, request, result="what?")

        self.answer = answer_text
        client = await self.client()
        with self.assertRaises(ProcessingError):
            await client.get_status()
        with self.assertRaises(ProcessingError):
            await client.list_open_orders()

        async def answer_noise(connection: ServerConnection, request: dict[str, Any]) -> None:
            await connection.send("noise")

        self.answer = answer_noise
        with self.assertRaises(Unavailable):
            await client.get_status()

    async def test_that_can_not_connect_says_so_in_a_sentence(self) -> None:
        self.server.close()
        await self.server.wait_closed()
        with self.assertRaisesRegex(Unavailable, "is it running"):
            await XWrapClient.connect(self.url)
        with self.assertRaises(ApiUsageError):
            await XWrapClient.connect("http://127.0.0.1")

    async def test_leaves_nothing_running(self) -> None:
        before = asyncio.all_tasks()
        async with await XWrapClient.connect(self.url) as client:
            await client.get_status()
        ours = {task for task in asyncio.all_tasks() - before if "xwrap" in task.get_name()}
        self.assertEqual(ours, set())


class AClientThatCatchesUp(WithAServer):
    """xWrap was restarted and has forgotten what it had told: the client takes what is new."""

    EARLIER, THEN, LATER = (f"2026-11-20T10:00:0{second}.000000Z" for second in (1, 2, 3))

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.answer = self.catch_up
        self.told: dict[str, Any] = {}
        self.missed: list[dict[str, Any]] = []

    async def catch_up(self, connection: ServerConnection, request: dict[str, Any]) -> None:
        if request["method"] == "get_status":
            await connection.send(notification("order", self.told, 2), text=True)
            await self.say_ok(connection, request)
            await connection.close()
        elif "seq" in request["params"]:
            missed = [{"method": "order", "params": order, "seq": 5} for order in self.missed]
            answer = {"notifications": missed, "last_seq": 9, "complete": False, "next": None}
            await self.say(connection, request, result=answer)
        else:
            answer = {"notifications": [], "last_seq": 1, "complete": True, "next": None}
            await self.say(connection, request, result=answer)

    def state(self, status: str, time: str, filled: str = "0") -> dict[str, Any]:
        return {"id": 5, "status": status, "last_updated_at": time, "filled_size": filled}

    async def test_hears_each_state_of_an_order_that_is_further_than_the_last_and_no_other(
        self,
    ) -> None:
        opened, done = self.state("open", self.THEN), self.state("done", self.THEN)
        filled_before = self.state("done", self.EARLIER, filled="1")
        part, more = self.state("open", self.THEN, "0.9"), self.state("open", self.THEN, "0.10")
        resumed = self.state("open", self.LATER)
        for name, told, missed, expected in (
            ("expired at the very time when it was resumed", opened, [opened, done], [done]),
            ("filled before it was resumed, says the venue", resumed, [filled_before], None),
            (
                "resumed before its fill was known",
                opened,
                [filled_before, resumed],
                [filled_before],
            ),
            ("filled further at the same time", more, [part], None),
            ("filled less", part, [more], []),
            ("was resumed", opened, [resumed], None),
            ("nothing new", opened, [opened], []),
            ("done already", done, [opened, resumed, done], []),
        ):
            with self.subTest(name):
                self.told, self.missed = told, missed
                client = await XWrapClient.connect(self.url, reconnect=True)
                heard: list[dict[str, Any]] = []
                client.on("order", heard.append)
                await client.get_status()
                await until(lambda: client.last_seq == 9)  # noqa: B023
                await client.close()
                self.assertEqual(heard, [told, *(missed if expected is None else expected)])
                self.assertEqual(client.reconnects, 1)

    async def test_says_when_it_is_lost_and_when_it_has_told_what_was_missed(self) -> None:
        self.told, self.missed = self.state("open", self.THEN), [self.state("done", self.LATER)]
        heard: list[object] = []
        client = await XWrapClient.connect(self.url, reconnect=True)
        client.on_lost = lambda: heard.append("lost")
        client.on_back = lambda complete: heard.append(("back", complete))
        client.on("order", lambda order: heard.append(order["status"]))
        await client.get_status()
        await until(lambda: len(heard) == 4)
        await client.close()
        self.assertEqual(heard, ["open", "lost", "done", ("back", False)])
