"""Have xWrap tell much: ``python -m benchmarks.pushes --url ws://… --orders-per-s 200``.

Makes orders on all paper exchanges at a steady rate until it is ended: half of them buy and sell
at market, half rest far from it and are cancelled. Each is told several times, with what it does to
its wallets. Where xWrap can't follow, fewer are made: so many are under way at most.
"""

import argparse
import asyncio
import itertools
from decimal import Decimal
from time import perf_counter
from typing import Any, Final

import uvloop

from exchange_wrapper.client import XWrapClient

_IN_FLIGHT_MAX: Final = 32
_FUNDS: Final = {"USD": 50_000_000, "BTC": 500}
_PAIR: Final = "BTC_USD"
_FAR: Final = Decimal(1000)  # USD: no market gets there

Json = dict[str, Any]


async def push(url: str, orders_per_s: float) -> None:
    """Make orders without end."""
    async with await XWrapClient.connect(url) as client:
        exchanges = await _ready(client)
        for exchange in exchanges:
            for currency, amount in _FUNDS.items():
                await client.add_virtual_wallet_tx(exchange, currency, amount)
        funds = [
            (exchange, currency, amount)
            for exchange in exchanges
            for currency, amount in _FUNDS.items()
        ]
        set_id = await client.create_wallet_set("load", funds)
        print("orders are made", flush=True)
        free = asyncio.Semaphore(_IN_FLIGHT_MAX)
        async with asyncio.TaskGroup() as group:
            start = perf_counter()
            for number in itertools.count():
                await free.acquire()
                order = _order(number, exchanges[number % len(exchanges)], set_id)
                task = group.create_task(_make(client, order))
                task.add_done_callback(lambda _: free.release())
                due = start + number / orders_per_s
                # Time that is lost is not made up for.
                start += max(0.0, perf_counter() - due - 1)
                await asyncio.sleep(max(0.0, due - perf_counter()))


async def _ready(client: XWrapClient) -> list[str]:
    while True:
        exchanges = await client.get_exchanges("paper")
        if exchanges and all(each["status"] == "ready" for each in exchanges):
            return [each["exchange"] for each in exchanges]
        await asyncio.sleep(0.2)


def _order(number: int, exchange: str, set_id: int) -> Json:
    rests = number // 4 % 2 == 1
    return {
        "run_id": "load",
        "exchange": exchange,
        "client_oid": f"load-{number}",
        "type": "limit" if rests else "market",
        "pair": _PAIR,
        "side": "buy" if rests or number // 2 % 2 == 0 else "sell",
        "size": "0.001",
        "limit": _FAR if rests else None,
        "wallet_set_id": set_id,
    }


async def _make(client: XWrapClient, order: Json) -> None:
    status, message = await client.make_order(**order)
    if status != "accepted":
        raise RuntimeError(f"an order is {status}: {message}")
    if order["type"] == "limit":
        await client.cancel_order(order["exchange"], order["client_oid"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--orders-per-s", type=float, default=200)
    arguments = parser.parse_args()
    uvloop.run(push(arguments.url, arguments.orders_per_s))
