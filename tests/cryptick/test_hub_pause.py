import unittest
from decimal import Decimal

from cryptick.clock import SimulatedClock
from cryptick.errors import HandlerFailed
from cryptick.hub import Hub
from cryptick.messages import FILL, LOG, ORDER_UPDATE, QUOTE, Bar, LogLine, Quote
from exchange_wrapper.times import SECOND, UtcNs


def quote(pair: str, bid: int) -> Quote:
    return Quote("x", pair, Decimal(bid), Decimal(bid + 1), UtcNs(bid))


class APause(unittest.TestCase):
    def setUp(self) -> None:
        self.clock = SimulatedClock(UtcNs(0))
        self.hub = Hub(self.clock)
        self.heard: list[object] = []
        for pair in ("A_USD", "B_USD"):
            self.hub.on_market(QUOTE, "x", pair, lambda q: self.heard.append((q.pair, int(q.bid))))
        for method in (ORDER_UPDATE, FILL, LOG):
            self.hub.on(method, lambda message: self.heard.append(message.method))

    def tell(self, event: Quote | Bar) -> None:
        self.hub.publish(self.hub.market_handlers(QUOTE, "x", event.pair), event)

    def test_keeps_the_newest_quotes_and_tells_own_orders_first_and_timers_last(self) -> None:
        self.hub.at(UtcNs(SECOND), lambda: self.heard.append("timer"))
        self.hub.pause()
        for bid in (1, 2, 3):
            self.tell(quote("A_USD", bid))
        self.tell(quote("B_USD", 5))
        self.tell(Bar("x", "A_USD", 60, UtcNs(0), 1.0, 1.0, 1.0, 1.0, 1.0))
        self.clock.fire()
        for method in (ORDER_UPDATE, FILL, ORDER_UPDATE):
            self.hub.notify(method, None)
        self.hub.notify(LOG, LogLine("not held back"))
        self.assertEqual(self.heard, [LOG])
        self.hub.pause()  # the second one changes nothing
        self.hub.resume()
        expected = [ORDER_UPDATE, FILL, ORDER_UPDATE, ("A_USD", 3), ("B_USD", 5), "timer"]
        self.assertEqual(self.heard[1:], expected)
        self.hub.resume()
        self.assertEqual(len(self.heard), 7)
        self.tell(quote("A_USD", 9))
        self.assertEqual(self.heard[-1], ("A_USD", 9))

    def test_holds_one_call_of_each_timer_however_long_it_lasts(self) -> None:
        self.hub.every(1, lambda: self.heard.append("tick"))
        self.hub.pause()
        self.clock.fire()
        self.clock.time = UtcNs(100 * SECOND)
        self.hub.resume()
        self.assertEqual(self.heard, ["tick"])

    def test_a_timer_that_is_cancelled_by_what_was_held_does_not_come(self) -> None:
        trigger = self.hub.at(UtcNs(SECOND), lambda: self.heard.append("timer"))
        self.hub.on(FILL, lambda _: trigger.cancel())
        self.hub.pause()
        self.clock.fire()
        self.hub.notify(FILL, None)
        self.hub.resume()
        self.assertEqual(self.heard, [FILL])

    def test_what_a_handler_raises_ends_the_run(self) -> None:
        def fail(_: object) -> None:
            raise ValueError

        self.hub.on(FILL, fail)
        self.hub.pause()
        self.hub.notify(FILL, None)
        with self.assertRaises(HandlerFailed):
            self.hub.resume()
