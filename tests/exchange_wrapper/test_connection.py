import unittest
from collections.abc import Callable

import httpx

from exchange_wrapper.connection import Connection, Sign, refusal
from exchange_wrapper.errors import ProcessingError, Unavailable, UnknownOutcome
from exchange_wrapper.util.token_bucket import TokenBucket
from tests.exchange_wrapper.util.test_token_bucket import FakeTime

Answer = httpx.Response | Exception


class ConnectionTest(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.time = FakeTime()
        self.requests: list[httpx.Request] = []

    def connection(self, *answers: Answer, sign: Sign | None = None) -> Connection:
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
            sign=sign,
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

    async def test_each_attempt_is_signed_as_it_is_sent(self) -> None:
        signed: list[tuple[str, str, bytes]] = []

        def sign(*what: object) -> dict[str, str]:
            signed.append(what)  # type: ignore[arg-type]
            return {"X-Sign": str(len(signed))}

        connection = self.connection(httpx.Response(503), httpx.Response(200), sign=sign)
        await connection.request("DELETE", "/orders", {"status": ["open", "a b"], "limit": 1})
        path = "/orders?status=open&status=a+b&limit=1"
        self.assertEqual([what[:2] for what in signed], [("DELETE", path)] * 2)
        for number, request in enumerate(self.requests, 1):
            self.assertEqual(request.url.raw_path.decode(), signed[number - 1][1])
            self.assertEqual(request.headers["X-Sign"], str(number))
        connection = self.connection(httpx.Response(200), sign=sign)
        await connection.request("POST", "/orders", body=b'{"a":1}')
        self.assertEqual(self.requests[-1].content, signed[-1][2])
        self.assertEqual(self.requests[-1].headers["Content-Type"], "application/json")

    async def test_what_must_not_be_done_twice_is_sent_once(self) -> None:
        for answer in (
            httpx.Response(500),
            httpx.ReadTimeout("too slow"),
            httpx.ConnectError("refused"),
            httpx.RemoteProtocolError("cut"),
            httpx.DecodingError("garbled"),
        ):
            with self.subTest(answer):
                self.requests.clear()
                connection = self.connection(answer)
                with self.assertRaisesRegex(UnknownOutcome, "may have carried out POST /orders"):
                    await connection.request("POST", "/orders", once=True)
                self.assertEqual(len(self.requests), 1)

    async def test_only_being_too_fast_says_for_sure_that_nothing_was_done(self) -> None:
        connection = self.connection(httpx.Response(429), httpx.Response(200))
        start = self.time.now
        await connection.request("POST", "/orders", once=True)
        self.assertGreaterEqual(self.time.now - start, 1.0)
        connection = self.connection(*(httpx.Response(429) for _ in range(4)))
        with self.assertRaises(Unavailable) as caught:
            await connection.request("POST", "/orders", once=True)
        self.assertNotIsInstance(caught.exception, UnknownOutcome)

    async def test_a_limit_of_its_own_is_counted_instead(self) -> None:
        own = TokenBucket(1, clock=self.time, sleep=self.time.sleep)
        connection = self.connection(*(httpx.Response(200) for _ in range(3)))
        for _ in range(3):
            await connection.request("GET", "/fills", rate_limit=own)
        self.assertEqual(self.time.slept, [1.0, 1.0])

    def test_a_refusal_is_told_from_the_words_of_others(self) -> None:
        for status, content, words in (
            (400, b'{"message": "too small"}', "too small"),
            (400, b'{"error": "proxy"}', None),
            (403, b"<html>", None),
            (403, b"\xff", None),
            (500, b'{"message": "oops"}', None),
            (200, b'{"message": "fine"}', None),
        ):
            with self.subTest(status=status, content=content):
                self.assertEqual(refusal(httpx.Response(status, content=content)), words)
