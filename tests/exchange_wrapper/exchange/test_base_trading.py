import unittest
import uuid
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.exchange.base_trading import (
    OrderReport,
    ReportFilter,
    VenueChanged,
    VenueDone,
    VenueFill,
    VenueOpened,
    VenueOrder,
    VenueReceived,
)
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import DoneReason, OrderType, Side
from exchange_wrapper.times import UtcNs

PAIR = Pair("BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.00000001"))
NAME, AT, ONE = "BTC_USD", UtcNs(1), Decimal(1)


def fill(order_id: str, trade_id: int, *, booked: bool = False) -> VenueFill:
    return VenueFill(order_id, NAME, str(trade_id), Side.BUY, ONE, ONE, True, ONE, booked, AT)


def life(order_id: str, fills: int) -> list[OrderReport]:
    return [
        VenueReceived(order_id, "", NAME, Side.BUY, AT),
        VenueOpened(order_id, NAME, ONE, AT),
        *(fill(order_id, number) for number in range(fills)),
        VenueChanged(order_id, NAME, ONE, AT),
        VenueDone(order_id, NAME, DoneReason.FILLED, None, AT),
    ]


class VenueOrderTest(unittest.TestCase):
    def test_takes_only_fields_that_go_together(self) -> None:
        limit = {"type": OrderType.LIMIT, "size": ONE, "limit": ONE}
        market = {"type": OrderType.MARKET, "size": ONE}
        for fields, wrong in (
            (limit, None),
            (limit | {"post_only": True}, None),
            (market, None),
            ({"type": OrderType.MARKET, "funds": ONE}, None),
            (limit | {"client_id": "7"}, "client_id"),
            (limit | {"client_id": str(uuid.uuid4()).upper()}, "client_id"),
            (limit | {"limit": None}, "limit"),
            (limit | {"size": None}, "size"),
            (limit | {"funds": ONE}, "size"),
            (limit | {"size": Decimal(0)}, "size"),
            (limit | {"limit": Decimal("NaN")}, "limit"),
            (limit | {"type": OrderType.IOC, "post_only": True}, "post_only"),
            (market | {"limit": ONE}, "limit"),
            (market | {"funds": ONE}, "size"),
            (market | {"size": None}, "size"),
            (market | {"post_only": True}, "post_only"),
        ):
            with self.subTest(fields=fields):
                given = {"pair": PAIR, "side": Side.BUY, "client_id": str(uuid.uuid4())} | fields
                if wrong is None:
                    VenueOrder(**given)  # type: ignore[arg-type]
                    continue
                with self.assertRaises(ApiUsageError) as caught:
                    VenueOrder(**given)  # type: ignore[arg-type]
                self.assertEqual(caught.exception.data, {"field": wrong})


class ReportFilterTest(unittest.TestCase):
    @given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.data())
    def test_each_thing_passes_once_however_often_it_is_told(
        self, fills: list[int], data: st.DataObject
    ) -> None:
        told = [report for number, n in enumerate(fills) for report in life(str(number), n)]
        again = data.draw(st.lists(st.sampled_from(told), max_size=30))
        news = ReportFilter()
        passed = []
        for report in told:  # in order, with anything that was told before in between
            for old in again:
                if told.index(old) < told.index(report) and not isinstance(old, VenueChanged):
                    self.assertFalse(news.passes(old))
            if news.passes(report):
                passed.append(report)
        self.assertEqual(passed, told)
        self.assertFalse(any(map(news.passes, told)))

    def test_a_fill_passes_even_if_it_is_heard_of_after_the_end(self) -> None:
        news = ReportFilter()
        self.assertTrue(news.passes(VenueDone("a", NAME, DoneReason.FILLED, None, AT)))
        self.assertTrue(news.passes(fill("a", 1, booked=True)))
        self.assertFalse(news.passes(fill("a", 1)))
        self.assertFalse(news.passes(VenueOpened("a", NAME, ONE, AT)))

    def test_what_it_remembers_is_bounded(self) -> None:
        news = ReportFilter()
        for number in range(ReportFilter.SIZE_MAX + 1):
            news.passes(fill("a", number))
        self.assertTrue(news.passes(fill("a", 0)))
        self.assertFalse(news.passes(fill("a", 2)))
