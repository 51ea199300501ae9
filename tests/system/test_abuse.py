"""What nobody sends by mistake: every request is answered in time, or refused with a reason."""

import json
import logging
import socket
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from exchange_wrapper.service.server import Running
from tests.exchange_wrapper.fake_exchange import bearer
from tests.system.service_thread import service_thread

ANSWER_S_MAX = 10.0
bounded = settings(
    max_examples=10,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

# Names that exist lead further than random text, which is refused at once.
KNOWN = {
    "exchange": ["fake", "none"],
    "pair": ["BTC_USD", "LTC_BTC", "BTC＿USD"],
    "base": ["BTC", "usd", "ß"],
    "currency": ["BTC", "USD", "EUR"],
    "freq": ["highest", "daily", "5m", "1h", "0m", "7s", "99999999999999999d", "٣m"],
}
# Of which the call tells nothing but that it is not one.
NO_ARGUMENTS = "the body "
NAMED = {"api_usage", "invalid_amount", "unknown_name"}


class Abuse(unittest.TestCase):
    running: Running

    @classmethod
    def setUpClass(cls) -> None:
        logging.disable(logging.CRITICAL)
        cls.addClassCleanup(logging.disable, logging.NOTSET)
        cls.running = cls.enterClassContext(service_thread())

    def still_serves(self) -> None:
        """Nothing that was sent stopped or damaged the service."""
        health = httpx.get(
            f"{self.running.http_url}/xwrap/v1/health", timeout=ANSWER_S_MAX, trust_env=False
        )
        self.assertEqual((health.status_code, health.json()["status"]), (200, "ok"))
        self.assertFalse(self.running.service.engine.failure.done())


class OverHttp(Abuse):
    def tearDown(self) -> None:
        self.still_serves()

    def test_every_route_answers_whatever_it_is_asked(self) -> None:
        document = httpx.get(f"{self.running.http_url}/openapi.json", trust_env=False).json()
        for operation in _operations(document):
            for mode in GenerationMode:
                cases = operation.as_strategy(generation_mode=mode)
                if mode is GenerationMode.NEGATIVE and not _can_be_wrong(operation):
                    continue
                with self.subTest(operation.label, mode=mode.value):
                    bounded(given(cases)(self.check))()

    def check(self, case: schemathesis.Case) -> None:
        answer = case.call(
            base_url=self.running.http_url,
            timeout=ANSWER_S_MAX,
            headers=bearer(self.running.http_url),
        )
        checks = [not_a_server_error, status_code_conformance, response_schema_conformance]
        case.validate_response(answer, checks=checks)
        body = answer.json()
        if answer.status_code >= 400:
            self.assertEqual(set(body), {"error", "code", "data"})
            is_of_arguments = not body["error"].startswith(NO_ARGUMENTS)
            if is_of_arguments and body["data"]["error"] in NAMED:
                self.assertIn("field", body["data"], body)

    def test_what_is_no_request_is_refused(self) -> None:
        (authorization,) = bearer(self.running.http_url).values()
        who = b"Host: localhost\r\nAuthorization: " + authorization.encode() + b"\r\n"
        post = b"POST /xwrap/v1/orders/new HTTP/1.1\r\n" + who
        as_json = post + b"Content-Type: application/json\r\n"
        get = b"GET /xwrap/v1/status HTTP/1.1\r\n" + who
        for name, request, status in (
            ("noise", b"\x00\xff\xfe\r\n\r\n", 400),
            ("no version", b"GET /xwrap/v1/status\r\n\r\n", 400),
            ("no host", b"GET /xwrap/v1/status HTTP/1.1\r\n\r\n", 403),
            ("unknown verb", get.replace(b"GET", b"FROB") + b"\r\n", 405),
            ("long header", get + b"X: " + b"x" * 100_000 + b"\r\n\r\n", 413),
            ("many headers", get + b"X: x\r\n" * 20_000 + b"\r\n", 413),
            ("raw bytes in the path", get.replace(b"status", b"\xff") + b"\r\n", 400),
            ("escaped noise in the path", get.replace(b"status", b"x/wallet/%ff") + b"\r\n", 404),
            ("path upwards", get.replace(b"status", b"../../etc/passwd") + b"\r\n", 404),
            ("length of no number", as_json + b"Content-Length: x\r\n\r\n{}", 400),
            ("negative length", as_json + b"Content-Length: -2\r\n\r\n{}", 400),
            ("endless length", as_json + b"Content-Length: 99999999999\r\n\r\n{}", 413),
            ("bad chunk", as_json + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", 400),
            ("another type", post + b"Content-Type: \xff\r\nContent-Length: 2\r\n\r\n{}", 415),
            ("deep body", as_json + _sized(b"[" * 200_000), 400),
            ("huge number", as_json + _sized(b'{"size":1e99999999999999999999}'), 400),
            ("half a character", as_json + _sized(b'{"pair":"\\ud800"}'), 400),
        ):
            with self.subTest(name):
                answer = self.send_raw(request)
                self.assertEqual(int(answer.split(b" ", 2)[1]), status, answer[:500])

    def send_raw(self, request: bytes) -> bytes:
        url = httpx.URL(self.running.http_url)
        with socket.create_connection((url.host, url.port), ANSWER_S_MAX) as connection:
            connection.sendall(request)
            return connection.recv(1 << 16)


# Of which the requests below are made: what JSON can say, what it can't, and our own words.
AWKWARD = [
    "NaN", "-Infinity", "1e999", "-1e-999", "1e99999999999999999999", "9" * 25, "9" * 5000, "-1",
    "-0.0", "0.30000000000000004", "true", "null", '""', '"\\u0000"', '"\\ud800"',
    '"\\ud83d\\ude00"', '"٣"', '"1_0"', '"sNaN"', '"0x10"', "[]", "{}", "[" * 500 + "]" * 500,
    '{"a":1,"a":2}', '"BTC_USD"', '"BTC＿USD"', '"fake"', '"limit"', '"buy"', '"9999"', '"0.5"',
    "1", "2",
]  # fmt: skip
CODES = {-32700, -32600, -32601, -32602, -32000, -32001}


@st.composite
def requests(draw: st.DrawFn, methods: dict[str, list[str]]) -> str:
    """Requests that are nearly right: known methods and arguments, and values of any kind."""
    method = draw(st.sampled_from(sorted(methods)))
    names = [*methods[method], "self", "connection_id", "", "method"]
    values = st.sampled_from(AWKWARD) | st.text(max_size=20).map(json.dumps)
    chosen = draw(st.lists(st.sampled_from(names), max_size=12))  # some twice
    params = ",".join(f"{json.dumps(name)}:{draw(values)}" for name in chosen)
    request_id = draw(st.sampled_from(["1", '"x"', "1.5", *AWKWARD]))
    return f'{{"jsonrpc":"2.0","method":"{method}","params":{{{params}}},"id":{request_id}}}'


def junk() -> SearchStrategy[str | bytes]:
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=5,
    ).map(json.dumps)
    return st.sampled_from(AWKWARD) | values | st.text() | st.binary()


class OverTheWebsocket(Abuse):
    def setUp(self) -> None:
        self.bystander = self.enterContext(self.client())

    def tearDown(self) -> None:
        self.ask(self.bystander, '{"jsonrpc":"2.0","method":"echo","params":{},"id":"bystander"}')
        self.still_serves()

    @contextmanager
    def client(self) -> Iterator[ClientConnection]:
        with connect(
            self.running.rpc_url,
            compression=None,
            proxy=None,
            max_size=None,
            additional_headers=bearer(self.running.rpc_url),
        ) as client:
            yield client

    def ask(self, client: ClientConnection, message: str | bytes) -> Any:
        """Send something; return the answer and pass over notifications."""
        client.send(message)
        while True:
            answer = json.loads(client.recv(ANSWER_S_MAX))
            if "method" not in answer:
                return answer

    def check(self, answer: Any) -> None:
        if isinstance(answer, list):
            for each in answer:
                self.check(each)
        elif "error" in answer:
            error = answer["error"]
            self.assertIn(error["code"], CODES, error)
            if error["code"] == -32001:
                self.assertIn("field", error["data"], error)

    def test_every_method_answers_whatever_it_is_given(self) -> None:
        document = httpx.get(f"{self.running.http_url}/openapi.json", trust_env=False).json()
        schemas = document["components"]["schemas"]
        methods = {
            each["method"]: list(schemas.get(each["method"], {}).get("properties", {}))
            for each in document["x-json-rpc"]
        }

        @settings(bounded, max_examples=400)
        @given(requests(methods))
        def check(request: str) -> None:
            self.check(self.ask(client, request))

        with self.client() as client:
            check()

    def test_junk_is_answered_alone_and_in_batches(self) -> None:
        @settings(bounded, max_examples=150)
        @given(st.lists(junk(), min_size=1, max_size=4))
        def check(messages: list[str | bytes]) -> None:
            for message in messages:
                self.check(self.ask(client, message))
            texts = [message for message in messages if isinstance(message, str)]
            self.check(self.ask(client, f"[{','.join(texts)}]"))

        with self.client() as client:
            check()

    def test_what_would_harm_others_is_refused(self) -> None:
        order = {
            "run_id": "r",
            "exchange": "fake",
            "client_oid": "a",
            "type": "limit",
            "pair": "BTC_USD",
            "side": "buy",
            "size": "0.1",
            "limit": "100",
        }
        for method, params, field in (
            ("make_order", {**order, "cancel_after": 10**30}, "cancel_after"),
            ("make_order", {**order, "cancel_after": 10**18}, "cancel_after"),
            ("make_order", {**order, "client_oid": "x" * 100_000}, "client_oid"),
            ("make_order", {**order, "client_oid": "\0"}, "client_oid"),
            ("make_order", {**order, "run_id": "x" * 100_000}, "run_id"),
            ("create_wallet_set", {"run_id": "x" * 100_000, "wallets": []}, "run_id"),
            ("list_trades", {"before_id": 1 << 63}, "before_id"),
            ("list_trades", {"since": "0001-01-01T00:00:00+23:59"}, "since"),
            ("get_notifications_since", {"seq": 1 << 62}, "seq"),
            ("echo", {"connection_id": 1}, "connection_id"),
        ):
            with self.subTest(method, field=field):
                request = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
                error = self.ask(self.bystander, json.dumps(request))["error"]
                self.assertEqual((error["code"], error["data"].get("field")), (-32001, field))

    def test_any_name_can_be_echoed(self) -> None:
        request = '{"jsonrpc":"2.0","method":"echo","params":{"self":1,"method":2},"id":1}'
        answer = self.ask(self.bystander, request)
        self.assertEqual(answer["result"], {"self": 1, "method": 2})

    def test_a_frame_too_long_ends_its_connection_with_the_reason(self) -> None:
        for message in ("x" * ((1 << 20) + 1), b"\0" * (1 << 21)):
            with self.subTest(type(message).__name__), self.client() as client:
                client.send(message)
                with self.assertRaises(ConnectionClosed) as caught:
                    client.recv(ANSWER_S_MAX)
                frame = caught.exception.rcvd
                assert frame is not None
                self.assertEqual(frame.code, 1009)
                self.assertIn("1048576", frame.reason)

    def test_a_broken_protocol_ends_its_connection(self) -> None:
        for name, frame in (
            ("reserved opcode", b"\x83\x80\0\0\0\0"),
            ("unmasked", b"\x81\x02{}"),
            ("no utf-8", b"\x81\x81\0\0\0\0\xff"),
            ("endless", b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"),
        ):
            with self.subTest(name), self.client() as client:
                client.socket.sendall(frame)
                with self.assertRaises(ConnectionClosed) as caught:
                    client.recv(ANSWER_S_MAX)
                received = caught.exception.rcvd
                assert received is not None
                self.assertIn(received.code, {1002, 1007, 1009})


def _operations(document: dict[str, Any]) -> Iterator[Any]:
    records = document["components"]["schemas"].values()
    for record in records:
        for name, schema in record.get("properties", {}).items():
            if name in KNOWN and "enum" not in schema:
                schema["enum"] = KNOWN[name]
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation["parameters"]:
                if parameter["name"] in KNOWN:
                    parameter["schema"] = {"enum": KNOWN[parameter["name"]]}
    for result in schemathesis.openapi.from_dict(document).get_all_operations():
        yield result.ok()


def _can_be_wrong(operation: Any) -> bool:
    """Tell whether there is anything in the operation that could have a wrong type."""
    raw = operation.definition.raw
    texts = {"exchange", "pair", "base", "client_order_id"}
    return "requestBody" in raw or any(
        parameter["name"] not in texts for parameter in raw["parameters"]
    )


def _sized(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % len(body) + body
