"""An exchange whose market a test writes itself, and a service that trades on it."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from exchange_wrapper.config import Config, Settings
from exchange_wrapper.db import create_database
from exchange_wrapper.exchange.base import Candle, Capabilities, Exchange
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.market import BookSnapshot, MarketEvent
from exchange_wrapper.models import MODELS
from exchange_wrapper.pair import Pair
from exchange_wrapper.users.local_token import token_for
from exchange_wrapper.users.service import Users
from exchange_wrapper.util import utc_now
from serving.roles import LOCAL_ADMIN, Role
from tests.exchange_wrapper.users.users_folder import PASSWORD, TINY

CURRENCIES = ["BTC", "LTC", "USD"]
BTC_USD = Pair("BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.0001"))
BTC_USD_COARSE = Pair("BTC-USD", "BTC", "USD", Decimal(1), Decimal("0.0001"))
LTC_BTC = Pair("LTC-BTC", "LTC", "BTC", Decimal("0.00001"), Decimal("0.01"))


def snapshot(pair: Pair, bid: str, ask: str, size: str = "10") -> BookSnapshot:
    """A book with one level a side."""
    now, lots = utc_now(), pair.to_lots(Decimal(size))
    levels = [[(pair.to_ticks(Decimal(price)), lots)] for price in (bid, ask)]
    return BookSnapshot(pair.name(), levels[0], levels[1], now, now)


class FakeExchange(Exchange):
    """BTC_USD at 9,999 to 10,000 and LTC_BTC at 0.01 to 0.011, until ``say`` says otherwise."""

    capabilities = Capabilities(candle_freqs_s=frozenset())
    silence_max_s = 3600.0
    default_fees = FeeSchedule(maker=Decimal("0.001"), taker=Decimal("0.002"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._events: asyncio.Queue[MarketEvent] = asyncio.Queue()
        self.is_open = asyncio.Event()  # while it is not, new connections bring nothing
        self.is_open.set()

    def say(self, event: MarketEvent) -> None:
        self._events.put_nowait(event)

    async def load_pairs(self) -> dict[str, Pair]:
        btc_usd = BTC_USD_COARSE if self._config.get("coarse") else BTC_USD
        return {"BTC_USD": btc_usd, "LTC_BTC": LTC_BTC}

    async def connect(self, pairs: Iterable[Pair]) -> AsyncGenerator[MarketEvent, None]:
        await self.is_open.wait()
        market = {"BTC_USD": ("9999", "10000"), "LTC_BTC": ("0.01", "0.011")}
        for pair in pairs:
            yield snapshot(pair, *market[pair.name()])
        while True:
            yield await self._events.get()

    async def fetch_candles(
        self, pair: Pair, freq_s: int, start_s: int, end_s: int
    ) -> list[Candle]:
        return []

    async def close(self) -> None: ...


def settings(folder: Path, **exchange: Any) -> Settings:
    """Settings of a service in ``folder`` with one paper exchange ``fake``; makes its database."""
    path = folder / "xwrap.db"
    if not path.exists():
        create_database(path, MODELS)
        with Users(path, TINY) as users:  # an administrator, whose password is quickly checked
            users.accounts.add("root", Role.ADMIN, utc_now(), by=LOCAL_ADMIN, password=PASSWORD)
    described = {"mode": "paper", "class": f"{__name__}.FakeExchange", **exchange}
    file = folder / "config.json"
    file.write_text(json.dumps({"currencies": CURRENCIES, "exchanges": {"fake": described}}))
    config = Config(environ={"SQLITE_DB": str(path), "RPC_PORT": "0", "WEB_PORT": "0"})
    config.load(file)
    return Settings.from_config(config)


def bearer(url: str) -> dict[str, str]:
    """The headers of a client on the service's own machine."""
    return {"Authorization": f"Bearer {token_for(url)}"}


def web_client(url: str) -> httpx.AsyncClient:
    """An HTTP client that shows the local token."""
    return httpx.AsyncClient(base_url=url, headers=bearer(url), trust_env=False)


def rows(path: Path, sql: str) -> list[Any]:
    """Read a database as another program would."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until something is the case."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - any condition, so there is no one event
            await asyncio.sleep(0)
