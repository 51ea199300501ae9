import unittest

from hypothesis import given
from hypothesis import strategies as st

from exchange_wrapper.execution import Filled, Finished
from exchange_wrapper.market import TradePrint
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.paper import PaperOrder
from exchange_wrapper.terms import DoneReason, OrderType, Side
from exchange_wrapper.times import UtcNs
from tests.exchange_wrapper.paper_market import BUY, SELL, Market, Tally, brief

LATENCY = 5


class Taking(unittest.TestCase):
    def setUp(self) -> None:
        self.market = Market()
        self.market.snapshot({99: 4, 98: 10}, {101: 5, 103: 7})

    def test_each_type_of_order_ends_as_its_name_says(self) -> None:
        ioc, fok = OrderType.IOC, OrderType.FOK
        taken = (1, 101, 5, "taker")
        cases: list[tuple[int, int | None, OrderType, list[tuple[object, ...]]]] = [
            (5, 101, OrderType.LIMIT, [taken, (1, "filled")]),
            (8, 102, OrderType.LIMIT, [taken]),
            (8, 102, ioc, [taken, (1, "cancelled")]),
            (8, 100, ioc, [(1, "cancelled")]),
            (8, 102, fok, [(1, "cancelled")]),
            (8, 103, fok, [taken, (1, 103, 3, "taker"), (1, "filled")]),
            (8, None, OrderType.MARKET, [taken, (1, 103, 3, "taker"), (1, "filled")]),
            (13, None, OrderType.MARKET, [taken, (1, 103, 7, "taker"), (1, "cancelled")]),
        ]
        for size, limit, type, expected in cases:
            with self.subTest(type=type, size=size, limit=limit):
                self.setUp()
                self.market.send(BUY, size, limit, type)
                self.assertEqual(self.market.advance(), [(1, "open"), *expected])

    def test_a_post_only_order_rests_or_is_rejected(self) -> None:
        self.market.send(BUY, 5, 100, post_only=True)
        self.market.send(BUY, 5, 101, post_only=True)
        self.market.send(SELL, 1, 99, post_only=True)
        self.market.send(SELL, 1, 100, post_only=True)
        self.assertEqual(
            self.market.advance(), [(1, "open"), (2, "rejected"), (3, "rejected"), (4, "open")]
        )
        self.market.send(BUY, 5, 101)
        self.market.advance()
        self.market.send(BUY, 2, 101, post_only=True)  # of what is displayed there nothing is left
        self.assertEqual(self.market.advance(), [(6, "open")])

    def test_a_market_buy_stays_within_its_budget(self) -> None:
        self.market.send(BUY, 10, budget=5 * 101 + 2 * 103 + 50)
        self.assertEqual(
            self.market.advance(),
            [(1, "open"), (1, 101, 5, "taker"), (1, 103, 2, "taker"), (1, "cancelled")],
        )

    def test_what_was_taken_is_not_offered_again(self) -> None:
        self.market.send(BUY, 3, 101)
        self.market.send(BUY, 3, 101, OrderType.IOC)
        self.assertEqual(
            self.market.advance(),
            [
                (1, "open"),
                (1, 101, 3, "taker"),
                (1, "filled"),
                (2, "open"),
                (2, 101, 2, "taker"),
                (2, "cancelled"),
            ],
        )
        self.assertEqual(self.market.engine.cost(BUY, Lots(1)), 103)

    def test_a_decrease_pays_the_debt_an_increase_is_new_and_removal_clears_it(self) -> None:
        for sizes, offered in [
            ([], 1),
            ([3], 1),  # 2 of the 4 taken are paid
            ([1], 1),
            ([0, 5], 5),
            ([8], 4),
            ([8, 4], 4),
            ([8, 2], 2),
            ([4, 5], 2),
        ]:
            with self.subTest(sizes=sizes):
                self.setUp()
                self.market.send(BUY, 4, 101)
                self.market.advance()
                for size in sizes:
                    self.market.level(SELL, 101, size)
                self.market.send(BUY, 100, 101, OrderType.IOC)
                fills = [e for e in self.market.advance() if e[-1] == "taker"]
                self.assertEqual(fills, [(2, 101, offered, "taker")])

    def test_a_snapshot_pays_debts_by_the_difference_and_fresh_liquidity_voids_them(self) -> None:
        for asks, fresh, cost in [
            ({101: 5, 103: 7}, False, 1 * 101 + 1 * 103),
            ({101: 3, 103: 7}, False, 1 * 101 + 1 * 103),
            ({103: 7}, False, 2 * 103),
            ({101: 5, 103: 7}, True, 2 * 101),
        ]:
            with self.subTest(asks=asks, fresh=fresh):
                self.setUp()
                self.market.send(BUY, 4, 101)
                self.market.advance()
                self.market.snapshot({99: 4}, asks, fresh=fresh)
                self.assertEqual(self.market.engine.cost(BUY, Lots(2)), cost)

    def test_cost_is_what_an_order_would_pay_now_or_none(self) -> None:
        engine = self.market.engine
        self.assertEqual(engine.cost(BUY, Lots(6)), 5 * 101 + 103)
        self.assertEqual(engine.cost(SELL, Lots(5)), 4 * 99 + 98)
        self.assertIsNone(engine.cost(BUY, Lots(13)))
        engine.set_stale(True)
        self.assertIsNone(engine.cost(BUY, Lots(1)))


class Resting(unittest.TestCase):
    def setUp(self) -> None:
        self.market = Market()
        self.market.snapshot({99: 10}, {101: 5})

    def rest(self, size: int, limit: int = 99, side: Side = BUY) -> None:
        self.market.send(side, size, limit)
        self.assertEqual(self.market.advance(), [(self.market.last_id, "open")])

    def test_prints_at_its_price_shorten_the_queue_then_fill(self) -> None:
        self.rest(4)
        self.assertEqual(self.market.trade(BUY, 99, 7), [])
        self.assertEqual(self.market.trade(BUY, 99, 5), [(1, 99, 2, "maker")])
        self.assertEqual(self.market.trade(BUY, 99, 9), [(1, 99, 2, "maker"), (1, "filled")])

    def test_prints_of_the_other_side_or_at_better_prices_do_not_concern_it(self) -> None:
        self.rest(4)
        self.assertEqual(self.market.trade(SELL, 101, 50), [])
        self.assertEqual(self.market.trade(BUY, 100, 50), [])
        self.assertEqual(self.market.trade(SELL, 98, 50), [])

    def test_a_print_through_its_limit_fills_it_at_its_limit_by_the_volume(self) -> None:
        self.rest(4)
        self.assertEqual(self.market.trade(BUY, 98, 3), [(1, 99, 3, "maker")])
        self.rest(4, 101 + 4, SELL)
        self.assertEqual(self.market.trade(SELL, 106, 9), [(2, 105, 4, "maker"), (2, "filled")])

    def test_a_decrease_that_prints_explain_is_no_cancellation(self) -> None:
        self.rest(4)
        self.market.trade(BUY, 99, 6)  # 4 ahead, of 4 that remain displayed
        self.market.level(BUY, 99, 4)
        self.assertEqual(self.market.trade(BUY, 99, 3), [])
        self.assertEqual(self.market.trade(BUY, 99, 2), [(1, 99, 1, "maker")])

    def test_a_cancellation_shortens_the_queue_in_proportion_rounded_down(self) -> None:
        self.rest(4)
        self.market.level(BUY, 99, 20)  # 10 came behind us
        self.market.level(BUY, 99, 15)  # 5 of 20 went: 10 ahead become 10 − ⌊2.5⌋
        self.assertEqual(self.market.trade(BUY, 99, 8), [])
        self.assertEqual(self.market.trade(BUY, 99, 1), [(1, 99, 1, "maker")])

    def test_the_queue_is_never_longer_than_the_level(self) -> None:
        self.rest(4)
        self.market.level(BUY, 99, 0)
        self.assertEqual(self.market.trade(BUY, 99, 1), [(1, 99, 1, "maker")])

    def test_an_order_that_comes_between_a_print_and_its_decrease_is_not_behind_it(self) -> None:
        self.rest(4)
        self.market.trade(BUY, 99, 6)
        self.rest(4)
        self.market.level(BUY, 99, 4)  # the print, not a cancellation
        self.market.engine.cancel(1, UtcNs(0))
        self.market.advance()
        self.assertEqual(self.market.trade(BUY, 99, 5), [(2, 99, 1, "maker")])

    def test_a_print_of_more_than_was_displayed_explains_no_later_cancellation(self) -> None:
        self.rest(4)
        self.assertEqual(self.market.trade(BUY, 99, 12), [(1, 99, 2, "maker")])
        self.market.level(BUY, 99, 0)
        self.market.level(BUY, 99, 10)
        self.rest(4)
        self.market.level(BUY, 99, 20)
        self.market.level(BUY, 99, 18)  # one of the two was ahead of the second order
        self.assertEqual(
            self.market.trade(BUY, 99, 2 + 9 + 1),
            [(1, 99, 2, "maker"), (1, "filled"), (2, 99, 1, "maker")],
        )

    def test_a_print_shortens_the_queue_of_orders_it_does_not_reach(self) -> None:
        self.rest(4)
        self.market.level(BUY, 99, 12)
        self.rest(4)
        self.market.trade(BUY, 99, 4)
        self.market.engine.cancel(1, UtcNs(0))
        self.market.advance()
        self.assertEqual(self.market.trade(BUY, 99, 9), [(2, 99, 1, "maker")])

    def test_a_print_fills_our_orders_by_price_then_time_and_only_once(self) -> None:
        self.rest(3, 99)
        self.market.level(BUY, 99, 12)
        self.rest(3, 99)
        self.rest(2, 100)
        # 2 for the order at 100, 10 ahead of the first, 3 for it, 2 more ahead of the second.
        self.assertEqual(
            self.market.trade(BUY, 99, 2 + 10 + 3 + 2 + 1),
            [
                (3, 100, 2, "maker"),
                (3, "filled"),
                (1, 99, 3, "maker"),
                (1, "filled"),
                (2, 99, 1, "maker"),
            ],
        )

    def test_the_opposite_side_at_its_limit_fills_it_and_becomes_a_debt(self) -> None:
        self.rest(4)
        self.rest(4, 98)
        self.assertEqual(self.market.level(SELL, 99, 3), [(1, 99, 3, "maker")])
        self.assertEqual(
            self.market.level(SELL, 97, 5),
            [(1, 99, 1, "maker"), (1, "filled"), (2, 98, 4, "maker"), (2, "filled")],
        )
        self.assertIsNone(self.market.engine.cost(BUY, Lots(6)))
        self.assertEqual(self.market.engine.cost(BUY, Lots(5)), 5 * 101)

    def test_more_of_a_level_it_took_from_fills_the_rest_of_an_order(self) -> None:
        self.market.send(BUY, 8, 101)
        self.assertEqual(self.market.advance(), [(1, "open"), (1, 101, 5, "taker")])
        self.assertEqual(self.market.level(SELL, 101, 4), [])  # somebody else took one
        self.assertEqual(self.market.level(SELL, 101, 6), [(1, 101, 2, "maker")])

    def test_our_orders_do_not_trade_with_each_other(self) -> None:
        self.rest(4, 100)
        self.rest(4, 100, SELL)
        self.assertEqual(self.market.trade(BUY, 99, 4), [(1, 100, 4, "maker"), (1, "filled")])

    def test_a_locked_quote_moved_along_a_path_fills_as_a_bar_does(self) -> None:
        market, much = Market(), 10**15
        market.snapshot({1000: much}, {1000: much}, fresh=True)
        market.send(BUY, 7, 990)
        market.send(SELL, 7, 1010)
        market.send(BUY, 7)
        self.assertEqual(
            market.advance(),
            [(1, "open"), (2, "open"), (3, "open"), (3, 1000, 7, "taker"), (3, "filled")],
        )
        self.assertEqual(market.snapshot({991: much}, {991: much}, fresh=True), [])
        self.assertEqual(
            market.snapshot({985: much}, {985: much}, fresh=True),
            [(1, 990, 7, "maker"), (1, "filled")],
        )
        self.assertEqual(
            market.snapshot({1010: much}, {1010: much}, fresh=True),
            [(2, 1010, 7, "maker"), (2, "filled")],
        )
        market.snapshot({1010: much}, {1010: much}, fresh=True)
        self.assertTrue(market.engine.idle)


class Timing(unittest.TestCase):
    def setUp(self) -> None:
        self.market = Market(latency_ns=LATENCY)
        self.market.snapshot({99: 10}, {101: 5})

    def test_an_order_meets_the_book_of_its_arrival_not_of_its_sending(self) -> None:
        self.market.send(BUY, 2)
        self.assertEqual(self.market.engine.next_due(), LATENCY)
        self.market.now = LATENCY - 1
        self.assertEqual(self.market.level(SELL, 100, 1), [])
        self.market.now = LATENCY + 1
        # What was due before this event does not see it.
        self.assertEqual(
            self.market.level(SELL, 100, 9),
            [(1, "open"), (1, 100, 1, "taker"), (1, 101, 1, "taker"), (1, "filled")],
        )

    def test_executions_carry_the_time_at_which_they_were_due(self) -> None:
        self.market.send(BUY, 2, 101)
        executions = self.market.engine.advance(UtcNs(1000))
        self.assertEqual({each.time for each in executions}, {LATENCY})

    def test_a_cancellation_takes_as_long_and_may_come_too_late(self) -> None:
        self.market.send(BUY, 20, 99)
        self.market.advance(LATENCY)
        self.market.engine.cancel(1, UtcNs(LATENCY))
        self.market.now = LATENCY + 2
        self.assertEqual(self.market.trade(BUY, 99, 11), [(1, 99, 1, "maker")])
        self.assertEqual(self.market.advance(3 * LATENCY), [(1, "cancelled")])
        self.market.engine.cancel(1, UtcNs(4 * LATENCY))
        self.market.send(BUY, 1, 98)
        self.market.advance(5 * LATENCY)
        for _ in range(2):
            self.market.engine.cancel(2, UtcNs(5 * LATENCY))
        self.assertEqual(self.market.advance(7 * LATENCY), [(2, "cancelled")])
        self.assertEqual(self.market.advance(9 * LATENCY), [])
        self.assertTrue(self.market.engine.idle)

    def test_an_order_expires_to_the_nanosecond_resting_or_on_its_way(self) -> None:
        self.market.send(BUY, 2, 99, expires_at=50)
        self.market.send(BUY, 2, 99, expires_at=LATENCY)
        self.assertEqual(self.market.advance(49), [(1, "open"), (2, "expired")])
        executions = self.market.engine.advance(UtcNs(1000))
        self.assertEqual(executions, [Finished(1, DoneReason.EXPIRED, UtcNs(50))])

    def test_the_caller_must_advance_before_the_book_changes(self) -> None:
        self.market.send(BUY, 2, 99)
        with self.assertRaises(AssertionError):
            self.market.engine.level_changed(SELL, Ticks(101), Lots(5), Lots(4), UtcNs(6))

    def test_expiries_of_orders_long_done_do_not_pile_up(self) -> None:
        for _ in range(1000):
            order_id = self.market.send(BUY, 1, 99, expires_at=10**12)
            self.market.advance(self.market.now + LATENCY)
            self.market.engine.cancel(order_id, UtcNs(self.market.now))
            self.market.advance(self.market.now + LATENCY)
        self.assertLess(len(self.market.engine._due), 100)


class Stale(unittest.TestCase):
    def setUp(self) -> None:
        self.market = Market()
        self.market.snapshot({99: 10}, {101: 5})
        self.market.send(BUY, 4, 99)
        self.market.advance()
        self.market.engine.set_stale(True)

    def test_nothing_matches_against_a_stale_book(self) -> None:
        self.assertEqual(self.market.trade(BUY, 98, 50), [])
        self.assertEqual(self.market.level(SELL, 90, 50), [])

    def test_what_would_match_at_once_is_rejected_and_what_can_rest_rests(self) -> None:
        self.market.send(BUY, 1)
        self.market.send(BUY, 1, 101)
        self.market.send(BUY, 1, 98, OrderType.IOC)
        self.market.send(SELL, 1, 99, OrderType.FOK)
        self.market.send(SELL, 1, 100)
        self.assertEqual(
            self.market.advance(),
            [(2, "rejected"), (3, "rejected"), (4, "rejected"), (5, "rejected"), (6, "open")],
        )

    def test_a_snapshot_ends_it_places_new_orders_and_fills_what_it_crosses(self) -> None:
        self.market.send(BUY, 1, 95)
        self.market.advance()
        self.assertEqual(
            self.market.snapshot({95: 3}, {97: 2, 99: 1}),
            [(1, 99, 2, "maker"), (1, 99, 1, "maker")],
        )
        self.assertEqual(self.market.trade(BUY, 95, 4), [(1, 99, 1, "maker"), (1, "filled")])
        self.market.snapshot({95: 9}, {})  # what comes now comes behind
        self.assertEqual(self.market.trade(BUY, 95, 1), [(2, 95, 1, "maker"), (2, "filled")])

    def test_a_cancellation_is_carried_out(self) -> None:
        self.market.engine.cancel(1, UtcNs(0))
        self.assertEqual(self.market.advance(), [(1, "cancelled")])


class Resuming(unittest.TestCase):
    def test_an_order_rests_behind_the_displayed_size_without_opening_again(self) -> None:
        market = Market(latency_ns=LATENCY)
        market.snapshot({99: 10}, {101: 5})
        order = PaperOrder(7, BUY, OrderType.LIMIT, Lots(2), Ticks(99))
        market.engine.resume(order, UtcNs(0))
        self.assertEqual(market.advance(), [])
        self.assertEqual(market.trade(BUY, 99, 11), [(7, 99, 1, "maker")])

    def test_an_order_that_the_market_passed_meanwhile_fills_at_its_limit(self) -> None:
        market = Market()
        market.engine.set_stale(True)
        market.engine.resume(PaperOrder(7, BUY, OrderType.LIMIT, Lots(2), Ticks(99)), UtcNs(0))
        self.assertEqual(market.snapshot({90: 1}, {91: 5}), [(7, 99, 2, "maker"), (7, "filled")])
        market.engine.resume(PaperOrder(8, BUY, OrderType.LIMIT, Lots(2), Ticks(99)), UtcNs(0))
        self.assertEqual(market.advance(), [(8, 99, 2, "maker"), (8, "filled")])


sides = st.sampled_from(Side)
prices = st.integers(95, 105)
sizes = st.integers(1, 12)
actions = ["level", "empty", "trade", "limit", "post", "ioc", "cancel", "snapshot", "stale"]
moves = st.lists(
    st.tuples(st.sampled_from(actions), sides, prices, sizes), min_size=20, max_size=80
)


class Properties(unittest.TestCase):
    @given(moves)
    def test_we_get_what_is_offered_all_of_it_and_only_once(
        self, played: list[tuple[str, Side, int, int]]
    ) -> None:
        market, tally = Market(), Tally()
        engine, now = market.engine, UtcNs(0)
        for action, side, tick, size in played:
            price, trade = Ticks(tick), None
            if action in ("level", "empty"):
                new = Lots(size if action == "level" else 0)
                tally.show(side, price, new)
                old = market.book.set_level(side, price, new)
                events = engine.level_changed(side, price, old, new, now)
            elif action == "trade":
                trade = TradePrint("BTC_USD", "1", price, Lots(size), side, now, now)
                events = engine.traded(trade, now)
            elif action == "snapshot":
                bids = {price: size} if side is BUY else {}
                asks = {price: size} if side is SELL else {}
                for each, levels in ((BUY, bids), (SELL, asks)):
                    for known in {**tally.shown[each], **levels}:
                        tally.show(each, known, levels.get(known, 0))
                old_bids, old_asks = market.book.bids, market.book.asks
                market.book.replace(
                    [(price, Lots(size)) for price, size in bids.items()],
                    [(price, Lots(size)) for price, size in asks.items()],
                )
                events = engine.replaced(old_bids, old_asks, now)
            elif action == "stale":
                engine.set_stale(True)
                events = []
            elif action == "cancel":
                engine.cancel(size, now)
                events = engine.advance(now)
            else:
                type = OrderType.IOC if action == "ioc" else OrderType.LIMIT
                order_id = market.send(side, size, tick, type, post_only=action == "post")
                tally.open[order_id] = side, price, size
                takes = bool(tally.within(side, price))
                events = engine.advance(now)
                if action == "post" and not engine.stale:
                    expected = (order_id, "rejected") if takes else (order_id, "open")
                    self.assertEqual(brief(events), [expected])
            for event in events:
                if isinstance(event, Filled):
                    tally.book(event, trade)
                elif isinstance(event, Finished):
                    _, _, open_lots = tally.open.pop(event.order_id)
                    self.assertIs(open_lots == 0, event.reason is DoneReason.FILLED)
            if trade is not None:
                volume = sum(event.size for event in events if isinstance(event, Filled))
                self.assertLessEqual(volume, trade.size)
            if engine.stale:
                self.assertFalse(any(isinstance(event, Filled) for event in events))
                continue
            for side, limit, _ in tally.open.values():
                self.assertEqual(tally.within(side, limit), [])
            for side in Side:
                left = tally.left[side.opposite]
                total = Lots(sum(left.values()))
                cost = sum(price * lots for price, lots in left.items())
                self.assertEqual(engine.cost(side, total), cost)
                self.assertIsNone(engine.cost(side, Lots(total + 1)))
