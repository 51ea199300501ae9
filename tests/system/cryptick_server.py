"""A Cryptick server as a process, on the fake exchange of an xWrap in this one."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from exchange_wrapper.service.server import Running
from exchange_wrapper.users.local_token import token_for
from tests.system.processes import Service, running

DONE_S_MAX = 60.0
USD = [{"exchange": "fake", "base": "USD", "balance": "1000"}]
STRATEGIES = '''
import time
from decimal import Decimal

from cryptick.strategy import Strategy


class Failing(Strategy):
    """Fail at the second price."""

    def on_quote(self, quote):
        raise KeyError("no such thing")


class Greedy(Strategy):
    """Keep far too much."""

    def on_start(self):
        kept = []
        while True:
            kept.append(bytes(10_000_000))


class Listening(Strategy):
    """Tell what is heard, each timer too, and order far below the price."""

    def on_start(self):
        self.log("begun")
        self.every(0.05, lambda: self.log("tick"))

    def on_quote(self, quote):
        self.log(f"bid {quote.bid:.0f}")
        if not self.open_orders:
            self.buy_limit(quote.pair, Decimal("0.01"), Decimal("100"))


class Stubborn(Strategy):
    """Never come to an end."""

    def on_stop(self):
        time.sleep(1000)


class Talking(Strategy):
    """Print something at each bar."""

    bars = 0

    def on_bar(self, bar):
        self.bars += 1
        print("bar", self.bars)


class Slow(Strategy):
    """Take its time with each bar."""

    def on_bar(self, bar):
        time.sleep(0.01)
'''


@dataclass
class Client:
    """Somebody who uses the server."""

    service: Service
    http: httpx.AsyncClient

    async def get(self, path: str, **query: Any) -> Any:
        """Return what is there."""
        answer = await self.http.get(path, params=query)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()

    async def put(self, path: str, **body: Any) -> Any:
        """Do something."""
        answer = await self.http.put(path, json=body)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()

    async def start(self, name: str, mode: str = "paper", **more: Any) -> str:
        """Start a run and return its id."""
        body = {"mode": mode, "balances": USD, **more}
        return str((await self.put(f"/runnables/{name}/start", **body))["run_id"])

    async def until(self, run_id: str, condition: Callable[[dict[str, Any]], Any]) -> Any:
        """Wait until something is true of a run, and return the run."""
        async with asyncio.timeout(DONE_S_MAX):
            while not condition(run := await self.get(f"/runs/{run_id}")):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return run

    async def until_state(self, run_id: str, *states: str) -> Any:
        """Wait until a run is in one of these states."""
        return await self.until(run_id, lambda run: run["state"] in states)


@asynccontextmanager
async def cryptick_server(xwrap: Running, folder: Path, **settings: Any) -> AsyncIterator[Client]:
    """Run the server on a folder within the block, with the strategies above."""
    own = folder / "strategies"
    own.mkdir(exist_ok=True)
    (own / "own.py").write_text(STRATEGIES)
    config = folder / "settings.json"
    about = {
        "port": 0,
        "runs": str(folder / "runs"),
        "sweeps": str(folder / "sweeps"),
        "strategies": str(own),
        "xwrap": xwrap.rpc_url,
        "xwrap_http": xwrap.http_url,
        **settings,
    }
    config.write_text(json.dumps({"cryptick": about}))
    async with running(
        "cryptick.server", "--config", str(config), ready="Cryptick ready"
    ) as service:
        url = service.url("http")
        headers = {"Authorization": f"Bearer {token_for(url)}"}
        async with httpx.AsyncClient(
            base_url=url, headers=headers, trust_env=False, timeout=DONE_S_MAX
        ) as http:
            yield Client(service, http)
