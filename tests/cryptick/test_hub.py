import unittest

import msgspec

from cryptick.clock import SimulatedClock
from cryptick.errors import HandlerFailed
from cryptick.hub import Cause, Hub
from cryptick.messages import QUOTE, Call, Failure, Message, Quote, Result, encode
from exchange_wrapper.errors import ApiUsageError, InsufficientFunds
from exchange_wrapper.times import SECOND, UtcNs


class Recorded:
    """An audit that keeps (sequence, cause, method)."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, Cause, str]] = []

    def record(self, sequence: int, time: UtcNs, cause: Cause, message: Message) -> None:
        self.lines.append((sequence, cause, message.method))


def quote(time: int = 0) -> Quote:
    return msgspec.convert(
        {"exchange": "x", "pair": "A_B", "bid": "1", "ask": "2", "time": time}, Quote
    )


class HubTest(unittest.TestCase):
    def setUp(self) -> None:
        self.audit = Recorded()
        self.clock = SimulatedClock(UtcNs(0))
        self.hub = Hub(self.clock, self.audit)
        self.heard: list[str] = []


class Order(HubTest):
    def test_a_message_posted_in_a_delivery_waits_until_the_delivery_is_over(self) -> None:
        def first(_: Message) -> None:
            self.heard.append("first begins")
            self.hub.notify("a.second")
            self.hub.notify("a.third")
            self.heard.append("first ends")

        self.hub.on("a.first", first)
        self.hub.on("a.first", lambda _: self.heard.append("first, other handler"))
        self.hub.on("a.second", lambda _: self.hub.notify("a.fourth"))
        for name in ("second", "third", "fourth"):
            self.hub.on(f"a.{name}", lambda message: self.heard.append(message.method))
        self.hub.notify("a.first")
        self.assertEqual(
            self.heard,
            [
                "first begins",
                "first ends",
                "first, other handler",
                "a.second",
                "a.third",
                "a.fourth",
            ],
        )

    def test_each_record_names_the_message_that_caused_it(self) -> None:
        self.hub.on("a.first", lambda _: [self.hub.notify("a.second"), self.hub.notify("a.third")])
        self.hub.on("a.second", lambda _: self.hub.notify("a.fourth"))
        self.hub.notify("a.first")
        self.assertEqual(
            self.audit.lines,
            [(1, None, "a.first"), (2, 1, "a.second"), (3, 1, "a.third"), (4, 2, "a.fourth")],
        )

    def test_a_message_is_recorded_before_any_handler_hears_of_it(self) -> None:
        self.hub.on("a.b", lambda _: self.heard.append(self.audit.lines[-1][2]))
        self.hub.notify("a.b")
        self.assertEqual(self.heard, ["a.b"])

    def test_a_handler_may_subscribe_another_for_the_next_message(self) -> None:
        self.hub.on("a.b", lambda _: self.hub.on("a.b", lambda _: self.heard.append("new")))
        self.hub.notify("a.b")
        self.assertEqual(self.heard, [])
        self.hub.notify("a.b")
        self.assertEqual(self.heard, ["new"])


class Calls(HubTest):
    def test_answers_reach_the_call_they_belong_to(self) -> None:
        waiting: list[Call] = []
        self.hub.on("exchange.order", waiting.append)
        answers: list[tuple[str, Message]] = []
        for name in ("one", "two"):
            self.hub.call(
                "exchange.order", name, reply=lambda m, name=name: answers.append((name, m))
            )
        self.hub.answer(waiting[1], "b")
        self.hub.fail(waiting[0], InsufficientFunds("too little", needed="3"))
        (second, result), (first, failure) = answers
        self.assertEqual((second, first), ("two", "one"))
        assert isinstance(result, Result) and isinstance(failure, Failure)
        self.assertEqual(result.result, "b")
        self.assertEqual((failure.error.code, failure.error.message), (-32000, "too little"))

    def test_a_call_that_nobody_handles_fails(self) -> None:
        answers: list[Message] = []
        self.hub.call("exchange.order", reply=answers.append)
        self.assertIsInstance(answers[0], Failure)

    def test_the_json_form_is_the_fixed_one(self) -> None:
        forms = (
            (
                Call("exchange.order", ("bitfinex", "eth_usd", 10000), "1231709"),
                b'{"mhubrpc":"0.0.1","method":"exchange.order",'
                b'"params":["bitfinex","eth_usd",10000],"response_method":"1231709"}',
            ),
            (
                Result("1231709", "success"),
                b'{"mhubrpc":"0.0.1","method":"1231709","result":"success"}',
            ),
        )
        for message, form in forms:
            with self.subTest(message=message):
                self.assertEqual(encode(message), form)


class Patterns(HubTest):
    def test_a_pattern_hears_all_of_a_provider_and_a_star_hears_all(self) -> None:
        for pattern in ("a.*", "*", "b.c"):
            self.hub.on(
                pattern, lambda m, pattern=pattern: self.heard.append(f"{pattern} {m.method}")
            )
        for method in ("a.b", "a.b.c", "ab.c", "b.c"):
            self.hub.notify(method)
        self.assertEqual(
            self.heard,
            ["a.* a.b", "* a.b", "a.* a.b.c", "* a.b.c", "* ab.c", "b.c b.c", "* b.c"],
        )

    def test_a_listener_hears_answers_but_gives_none(self) -> None:
        self.hub.on("*", lambda m: self.heard.append(type(m).__name__))
        answers: list[Message] = []
        self.hub.call("exchange.order", reply=answers.append)
        self.assertIsInstance(answers[0], Failure)
        self.assertEqual(self.heard, ["Call", "Failure"])

    def test_who_leaves_hears_no_more(self) -> None:
        def hear(message: Message) -> None:
            self.heard.append(message.method)

        for pattern in ("a.b", "a.*", "*"):
            self.hub.on(pattern, hear)
            self.hub.off(pattern, hear)
        self.hub.notify("a.b")
        self.assertEqual(self.heard, [])

    def test_what_is_no_pattern_is_refused(self) -> None:
        for pattern in ("a*", "*.b.*", "a.**"):
            with self.subTest(pattern=pattern), self.assertRaises(ApiUsageError):
                self.hub.on(pattern, lambda _: None)


class Failures(HubTest):
    def test_a_handler_that_raises_fails_the_run_with_its_message_last_on_record(self) -> None:
        self.hub.on("a.b", lambda _: 1 / 0)
        self.hub.on("a.a", lambda _: [self.hub.notify("a.b"), self.hub.notify("a.c")])
        with self.assertRaises(HandlerFailed) as caught:
            self.hub.notify("a.a")
        self.assertIsInstance(caught.exception.__cause__, ZeroDivisionError)
        self.assertIn("message 2 (a.b)", caught.exception.message)
        self.assertEqual(self.audit.lines[-1][2], "a.b")

    def test_messages_that_cause_each_other_without_end_fail_the_run(self) -> None:
        self.hub.on("a.b", lambda _: self.hub.notify("a.b"))
        with self.assertRaisesRegex(HandlerFailed, "caused each other"):
            self.hub.notify("a.b")

    def test_a_market_handler_that_raises_names_the_event(self) -> None:
        self.hub.on_market(QUOTE, "x", "A_B", lambda _: 1 / 0)
        with self.assertRaises(HandlerFailed) as caught:
            self.hub.publish(self.hub.market_handlers(QUOTE, "x", "A_B"), quote(5 * SECOND))
        self.assertIn("quote of x A_B at 1970-01-01T00:00:05", caught.exception.message)


class MarketData(HubTest):
    def test_an_event_is_not_recorded_but_is_the_cause_of_what_it_leads_to(self) -> None:
        event = quote()
        self.hub.on_market(QUOTE, "x", "A_B", lambda _: self.hub.notify("a.b"))
        self.hub.publish(self.hub.market_handlers(QUOTE, "x", "A_B"), event)
        self.hub.notify("a.c")
        self.assertEqual(self.audit.lines, [(1, event, "a.b"), (2, None, "a.c")])

    def test_a_held_hub_delivers_only_when_told(self) -> None:
        self.hub.on("a.b", lambda _: self.heard.append("b"))
        self.hub.hold()
        self.hub.notify("a.b")
        self.assertEqual((self.heard, len(self.hub.waiting)), ([], 1))
        self.hub.deliver()
        self.hub.notify("a.b")
        self.assertEqual((self.heard, len(self.hub.waiting)), (["b"], 1))


class Triggers(HubTest):
    def test_every_has_no_drift_and_at_comes_once(self) -> None:
        times: list[tuple[str, float]] = []
        self.hub.every(1.5, lambda: times.append(("every", self.clock.now() / SECOND)))
        self.hub.at(UtcNs(2 * SECOND), lambda: times.append(("at", self.clock.now() / SECOND)))
        for _ in range(4):
            self.clock.fire()
        self.assertEqual(times, [("every", 1.5), ("at", 2.0), ("every", 3.0), ("every", 4.5)])

    def test_cron_comes_at_its_times_in_utc(self) -> None:
        times: list[int] = []
        self.clock.time = UtcNs(90 * SECOND + 1)
        self.hub.cron("*/5 * * * *", lambda: times.append(self.clock.now() // SECOND))
        self.hub.cron("0 1 1 1 *", lambda: times.append(-self.clock.now() // SECOND))
        for _ in range(13):
            self.clock.fire()
        self.assertEqual(times, [300 * n for n in range(1, 12)] + [-3600, 3600])

    def test_what_is_no_cron_expression_is_said(self) -> None:
        for text in ("soon", "* * *", "61 * * * *", "0 0 30 2 *", ""):
            with self.subTest(text=text), self.assertRaisesRegex(ApiUsageError, "cron expression"):
                self.hub.cron(text, lambda: None)

    def test_a_cancelled_trigger_never_comes_again(self) -> None:
        def once() -> None:
            self.heard.append("every")
            triggers["every"].cancel()

        triggers = {
            "every": self.hub.every(1, once),
            "at": self.hub.at(UtcNs(SECOND), lambda: self.heard.append("at")),
            "cron": self.hub.cron("* * * * *", lambda: self.heard.append("cron")),
        }
        triggers["at"].cancel()
        triggers["cron"].cancel()
        while self.clock.next_due < 200 * SECOND:
            self.clock.fire()
        self.assertEqual(self.heard, ["every"])
        self.assertEqual([line[2] for line in self.audit.lines], ["clock.every.1"])

    def test_a_trigger_can_be_cancelled_by_one_of_the_same_time(self) -> None:
        second = self.hub.at(UtcNs(5), lambda: self.heard.append("second"))
        self.hub.at(UtcNs(4), second.cancel)
        self.clock.fire()
        self.clock.fire()
        self.assertEqual(self.heard, [])

    def test_a_period_of_nothing_is_refused(self) -> None:
        with self.assertRaises(ApiUsageError):
            self.hub.every(0, lambda: None)


if __name__ == "__main__":
    unittest.main()
