"""A market order and its fill in the desk alone: checks, hold, matching, ledger lines, no I/O."""

from decimal import Decimal
from time import perf_counter
from typing import Final

from benchmarks.quiet_exchange import PAIR, QuietExchange
from benchmarks.table import Figure
from exchange_wrapper.book import L2Book
from exchange_wrapper.desk import Desk
from exchange_wrapper.ledger import Ledger
from exchange_wrapper.orders import OrderRequest
from exchange_wrapper.paper_exchange import PaperExchange
from exchange_wrapper.terms import OrderType, Side
from exchange_wrapper.times import MILLISECOND, UtcNs

_ORDERS: Final = 5_000  # a round
_ROUNDS: Final = 5
_SIZE: Final = Decimal("0.0001")


def run() -> list[Figure]:
    market = PaperExchange(latency_ns=0)
    book = L2Book(PAIR)
    market.add_pair(PAIR, book)
    lots = PAIR.to_lots(Decimal(1_000_000))
    bids, asks = ([(PAIR.to_ticks(Decimal(price)), lots)] for price in (9_999, 10_000))
    book.replace(bids, asks)
    desk = Desk(Ledger())
    desk.add_exchange("quiet", {PAIR.name(): PAIR}, QuietExchange.default_fees, market)
    desk.ledger.deposit("quiet", "USD", Decimal(1_000_000), UtcNs(0))
    owner = desk.ledger.create_set("bench", [("quiet", "USD", Decimal(900_000))], UtcNs(0)).id
    spent = [_round(desk, market, owner, number * _ORDERS) for number in range(_ROUNDS)]
    return [Figure("order and fill", min(spent) / _ORDERS * 1e6, "µs", "(≤ 20 wanted)")]


def _round(desk: Desk, market: PaperExchange, owner: int, first: int) -> float:
    start = perf_counter()
    for number in range(first, first + _ORDERS):
        now = UtcNs(number * MILLISECOND)
        request = OrderRequest(
            run_id="bench",
            client_oid=str(number),
            exchange="quiet",
            pair=PAIR.name(),
            type=OrderType.MARKET,
            side=Side.BUY,
            size=_SIZE,
            wallet_set_id=owner,
        )
        desk.make_order(request, now)
        desk.execute("quiet", market.advance(now))
        desk.take_changes()
    return perf_counter() - start
