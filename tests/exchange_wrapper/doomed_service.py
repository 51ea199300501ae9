"""A service that makes orders as fast as it can and prints the name of each acknowledged one.

``python -m tests.exchange_wrapper.doomed_service DATABASE [COUNT]``: for a test that kills it.
"""

import asyncio
import itertools
import sys
from decimal import Decimal
from pathlib import Path

from exchange_wrapper.service import ExchangeWrapper
from exchange_wrapper.terms import ExchangeStatus
from serving.registry import Api
from tests.exchange_wrapper.fake_exchange import settings, until


async def make_orders(path: Path, count: int | None) -> None:
    service = ExchangeWrapper(settings(path.parent, latency_ms=0))
    await service.start()
    venue = service.engine.venues["fake"]
    await until(lambda: venue.status is ExchangeStatus.READY)
    api = Api(service)
    wallets = [{"exchange": "fake", "currency": "USD", "allocation": "500000"}]
    wallet_set = await api.call("create_wallet_set", {"run_id": "run", "wallets": wallets})

    async def make(number: int) -> None:
        order = {
            "run_id": "run",
            "exchange": "fake",
            "client_oid": f"order-{number}",
            "type": "limit" if number % 2 else "market",
            "pair": "BTC_USD",
            "size": Decimal("0.0001"),
            "side": "buy",
            "wallet_set_id": wallet_set["id"],
            **({"limit": "9000.01"} if number % 2 else {}),
        }
        assert await api.call("make_order", order) == ["accepted", ""]
        print(order["client_oid"], flush=True)

    numbers = itertools.count() if count is None else range(count)
    for first in numbers:
        await asyncio.gather(*(make(7 * first + each) for each in range(7)))
    await service.shutdown()


if __name__ == "__main__":
    asyncio.run(make_orders(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None))
