import json
import unittest
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cryptick.clock import SimulatedClock
from cryptick.hub import Hub
from cryptick.hub_port import MESSAGE_BYTES_MAX, HubPort
from cryptick.messages import (
    ORDER,
    Call,
    ErrorBody,
    Failure,
    Message,
    OrderIntent,
    Result,
    decode,
    encode,
    payload,
)
from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.times import UtcNs

INTENT = {
    "client_oid": "1",
    "exchange": "gdax",
    "pair": "BTC_USD",
    "type": "market",
    "side": "buy",
    "size": "0.5",
}


class PortCase(unittest.TestCase):
    def setUp(self) -> None:
        self.hub = Hub(SimulatedClock(UtcNs(0)))
        self.sent: list[Any] = []

    def port(self, *accepts: str, hears: tuple[str, ...] = ()) -> HubPort:
        return HubPort(
            self.hub, lambda text: self.sent.append(json.loads(text)), accepts=accepts, hears=hears
        )


class Posting(PortCase):
    def test_a_call_comes_back_under_its_own_response_method(self) -> None:
        def answer(message: Message) -> None:
            assert isinstance(message, Call)
            self.hub.answer(message, payload(message) * 2)

        self.hub.on("component.post", answer)
        pending: list[Message] = []
        self.hub.on("slow.call", lambda _: None)
        taken = self.hub.call("slow.call", reply=pending.append)
        text = {"mhubrpc": "0.0.1", "method": "component.post", "params": [21]}
        port = self.port("component.*")
        port.receive(json.dumps({**text, "response_method": taken}))
        self.assertEqual(self.sent, [{"mhubrpc": "0.0.1", "method": taken, "result": 42}])
        self.assertEqual(pending, [])  # a name from outside never answers a call from inside

    def test_a_known_payload_becomes_its_type(self) -> None:
        heard: list[Any] = []
        self.hub.on(ORDER, lambda message: heard.append(payload(message)))
        text = json.dumps({"mhubrpc": "0.0.1", "method": ORDER, "params": [INTENT]})
        self.port(ORDER).receive(text)
        self.assertIsInstance(heard[0], OrderIntent)

    def test_what_is_wrong_is_answered_by_an_error_and_posted_nowhere(self) -> None:
        head = '{"mhubrpc":"0.0.1","method":'
        table: tuple[tuple[str | bytes, str, str], ...] = (
            ("", "error", "not a mhubrpc message"),
            ("[1]", "error", "not a mhubrpc message"),
            (b"\xff\xfe", "error", "not a mhubrpc message"),
            ("[" * 60_000, "error", "not a mhubrpc message"),
            (head + '"a.b","extra":1}', "error", "unknown field"),
            ('{"mhubrpc":"2.0","method":"a.b"}', "error", "mhubrpc must be '0.0.1'"),
            (head + '"response.1","result":1}', "error", "only calls"),
            (head + '"a.b","params":[],"result":1}', "error", "either params"),
            (head + '"exchange.order","params":[1]}', "error", "exchange.order takes one"),
            (head + '"exchange.order","params":[]}', "error", "exchange.order takes one"),
            (head + '"run.stop","response_method":"x"}', "x", "can't be posted from outside"),
            (head + '"a.b","response_method":"x"}', "x", "nobody handles a.b"),
            ("x" * (MESSAGE_BYTES_MAX + 1), "error", "65,536 bytes"),
        )
        heard: list[Message] = []
        port = self.port("a.*", "exchange.*")
        self.hub.on("run.stop", heard.append)
        for text, method, words in table:
            with self.subTest(text=text[:60]):
                self.sent.clear()
                port.receive(text)
                (answer,) = self.sent
                self.assertEqual(answer["method"], method)
                self.assertIn(words, answer["error"]["message"])
        self.assertEqual(heard, [])

    @given(st.text() | st.binary())
    def test_no_text_can_break_it(self, text: str | bytes) -> None:
        self.port().receive(text)
        self.assertIn("error", self.sent[-1])


class Hearing(PortCase):
    def test_what_is_wanted_goes_out_until_it_is_closed(self) -> None:
        with self.port(hears=("strategy.*",)):
            self.hub.notify("strategy.log", 1)
            self.hub.notify("run.stop")
        self.hub.notify("strategy.log", 2)
        self.assertEqual([message["params"] for message in self.sent], [[1]])


class Decoding(unittest.TestCase):
    def test_every_form_survives_both_ways(self) -> None:
        for message in (
            Call("twitter.post", ("bitfinex", "eth_usd", 10000), "1231709"),
            Call("a.b"),
            Result("1231709", "success"),
            Result("1231709", None),
            Failure("7", ErrorBody(-32000, "no", {"a": 1})),
        ):
            with self.subTest(message=message):
                self.assertEqual(decode(encode(message)), message)

    def test_a_message_without_a_method_is_refused(self) -> None:
        with self.assertRaises(ApiUsageError):
            decode('{"mhubrpc":"0.0.1","method":""}')


if __name__ == "__main__":
    unittest.main()
