"""A sandbox venue with private keys, an xWrap that trades there live, and others who do too."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import httpx

from exchange_wrapper.credentials import Credentials, Secret
from exchange_wrapper.exchange.base_trading import Placed, VenueOrder
from exchange_wrapper.exchange.gdax_trading import GDAXTrading
from exchange_wrapper.pair import Pair
from exchange_wrapper.sandbox import DEMO
from exchange_wrapper.terms import OrderType, Side
from tests.system.processes import Service, XWrap, running

T = TypeVar("T")

BTC_USD = Pair("BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.00000001"))

OTHER = {
    "name": "other",
    "key": "other-key",
    "secret": "b3RoZXI=",
    "passphrase": "other-phrase",
    "balances": {"USD": "100000000", "BTC": "1000"},
}
OWN = {
    "name": "demo",
    "key": DEMO.key,
    "secret": DEMO.secret,
    "passphrase": DEMO.passphrase,
    "balances": {currency: str(amount) for currency, amount in DEMO.balances.items()},
}
KEYS = {
    "XWRAP_GDAX_KEY": DEMO.key,
    "XWRAP_GDAX_SECRET": DEMO.secret,
    "XWRAP_GDAX_PASSPHRASE": DEMO.passphrase,
}


@dataclass
class LiveSandbox:
    """The venue: its process, and the two profiles' own sides of it."""

    service: Service
    own: GDAXTrading
    other: GDAXTrading

    async def arm(self, kind: str, **fields: object) -> None:
        """Let something go wrong."""
        async with httpx.AsyncClient(trust_env=False) as http:
            url = f"{self.service.url('rest')}/sandbox/faults"
            answer = await http.post(url, content=json.dumps({"kind": kind, **fields}))
            answer.raise_for_status()

    async def clear(self) -> None:
        """Let all go right again."""
        async with httpx.AsyncClient(trust_env=False) as http:
            await http.delete(f"{self.service.url('rest')}/sandbox/faults")

    async def funds(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return the venue's own figures of our balances and holds."""
        return {
            currency: (each.balance, each.hold)
            for currency, each in (await self.own.balances()).items()
        }

    async def sell_to_others(self, order: str, size: str) -> None:
        """Let the other buy all that is offered below an order of ours to sell, and some of it."""
        while not (found := await self.own.find(order)) or not found.filled_size:
            assert found is not None and found.limit is not None
            async with httpx.AsyncClient(trust_env=False) as http:
                url = f"{self.service.url('rest')}/products/BTC-USD/book?level=2"
                asks = (await http.get(url)).json()["asks"]
            below = [Decimal(lots) for price, lots, _ in asks if Decimal(price) < found.limit]
            wanted = str(sum(below, Decimal(size)))
            await trade(self.other, Side.BUY, wanted, str(found.limit), OrderType.IOC)


@asynccontextmanager
async def live_sandbox(folder: Path, *, limits: bool = False) -> AsyncIterator[LiveSandbox]:
    """Run the sandbox with two profiles, and faults on demand."""
    keys = folder / "profiles.json"
    keys.touch(0o600)
    keys.write_text(json.dumps([OWN, OTHER]))
    options = () if limits else ("--no-limits",)
    async with running(
        "exchange_wrapper.sandbox", "simulate", "--seed", "7", "--faults", *options,
        "--keys", str(keys), "--rest-port", "0", "--ws-port", "0", ready="sandbox ready",
    ) as service:  # fmt: skip
        sides = [
            GDAXTrading(
                "venue",
                Credentials(*(Secret(str(of[part])) for part in ("key", "secret", "passphrase"))),
                rest_url=service.url("rest"),
                ws_url=service.url("ws"),
            )
            for of in (OWN, OTHER)
        ]
        try:
            yield LiveSandbox(service, *sides)
        finally:
            for side in sides:
                await side.close()


class LiveXWrap(XWrap):
    """An xWrap in live mode, with its keys in the environment."""

    def __init__(self, folder: Path, market: Service) -> None:
        super().__init__(folder, market, ("BTC", "USD"))
        settings = json.loads(self.config.read_text())
        settings["exchanges"]["gdax"] |= {"mode": "live", "history_days": 0}
        self.config.write_text(json.dumps(settings))
        self.environment |= KEYS


async def trade(
    side: GDAXTrading, direction: Side, size: str, limit: str, type: OrderType = OrderType.LIMIT
) -> str:
    """Place an order of somebody at the venue itself and return its client id."""
    client_id = str(uuid4())
    placed = await side.place(
        VenueOrder(
            pair=BTC_USD, side=direction, type=type, client_id=client_id,
            size=Decimal(size), limit=Decimal(limit),
        )
    )  # fmt: skip
    assert isinstance(placed, Placed), placed
    return client_id


async def until(condition: Callable[[], Awaitable[T]], timeout_s: float = 60) -> T:
    """Ask again until the answer is true, and return it."""
    async with asyncio.timeout(timeout_s):
        while not (answer := await condition()):  # noqa: ASYNC110 - another process's doing
            await asyncio.sleep(0.05)
    return answer
