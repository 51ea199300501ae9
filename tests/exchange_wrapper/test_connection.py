import unittest
from collections.abc import Callable

import httpx

from exchange_wrapper.connection import Connection
from exchange_wrapper.errors import ProcessingError, Unavailable
from exchange_wrapper.util.token_bucket import TokenBucket
from tests.exchange_wrapper.util.test_token_bucket import FakeTime

Answer = httpx.Response | Exception


class ConnectionTest(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.time = FakeTime()
        self.requests: list[httpx.Request] = []

    def connection(self, *answers: Answer) -> Connection:
        left = iter(answers)

        def handle(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            answer = next(left)
            if isinstance(answer, Exception):
                raise answer
            return answer

        connection = Connection(
            "here",
            "https://venue.invalid",
            TokenBucket(10, burst=15, clock=self.time, sleep=self.time.sleep),
            transport=httpx.MockTransport(handle),
            sleep=self.time.sleep,
            jitter=lambda: 0.0,
        )
        self.addAsyncCleanup(connection.close)
        return connection

    async def test_a_request_names_its_client_and_carries_its_parameters(self) -> None:
        connection = self.connection(httpx.Response(200, content=b"[1]"))
        self.assertEqual(await connection.get("/products", {"limit": 5}), b"[1]")
        (request,) = self.requests
        self.assertEqual(str(request.url), "https://venue.invalid/products?limit=5")
        self.assertRegex(request.headers["User-Agent"], "^xwrap/")

    async def test_passing_trouble_is_tried_again_and_ever_slower(self) -> None:
        troubles: dict[str, Callable[[], Answer]] = {
            "server error": lambda: httpx.Response(503),
            "time-out": lambda: httpx.ReadTimeout("too slow"),
            "refused connection": lambda: httpx.ConnectError("refused"),
            "cut answer": lambda: httpx.RemoteProtocolError("cut"),
        }
        for name, trouble in troubles.items():
            with self.subTest(name):
                self.time.slept.clear()
                connection = self.connection(trouble(), trouble(), httpx.Response(200))
                await connection.get("/time")
                self.assertEqual(self.time.slept, [0.5, 1.0])

    async def test_too_many_requests_are_answered_with_a_second_of_silence(self) -> None:
        connection = self.connection(
            httpx.Response(429, json={"message": "Public rate limit exceeded"}),
            httpx.Response(200),
        )
        start = self.time.now
        await connection.get("/time")
        self.assertGreaterEqual(self.time.now - start, 1.0)

    async def test_lasting_trouble_ends_in_an_error_that_may_be_retried(self) -> None:
        connection = self.connection(*(httpx.Response(502) for _ in range(4)))
        with self.assertRaisesRegex(Unavailable, "here does not answer GET /time: 502"):
            await connection.get("/time")
        self.assertEqual(len(self.requests), 4)

    async def test_a_refusal_is_final_and_has_the_venues_words(self) -> None:
        connection = self.connection(httpx.Response(404, json={"message": "NotFound"}))
        with self.assertRaisesRegex(ProcessingError, "here refused GET /x: 404 NotFound"):
            await connection.get("/x")
        self.assertEqual(len(self.requests), 1)

    async def test_a_refusal_without_json_is_still_one_sentence(self) -> None:
        connection = self.connection(httpx.Response(403, content=b"<html>"))
        with self.assertRaisesRegex(ProcessingError, "403 Forbidden"):
            await connection.get("/x")
