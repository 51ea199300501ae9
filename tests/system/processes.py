"""Start the platform's own commands as a user would, on free ports, and read what they print."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared/data"

_START_S_MAX = 30.0
_STOP_S_MAX = 20.0


@dataclass
class Service:
    """A running command."""

    process: asyncio.subprocess.Process
    line: str  # what it printed when it was ready

    def url(self, label: str) -> str:
        """Return the address that the ready line gives behind a word."""
        found = re.search(rf"{label} (\S+)", self.line)
        assert found, f"no address of {label} in {self.line!r}"
        return found[1]

    async def stop(self) -> int:
        """End it as Ctrl-C does and return its exit code."""
        self.process.terminate()
        async with asyncio.timeout(_STOP_S_MAX):
            return await self.process.wait()

    async def kill(self) -> None:
        """End it without any chance to tidy up."""
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def running(
    *arguments: str, ready: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Service]:
    """Run ``python -m …`` within the block, from when it prints a line with ``ready`` in it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *arguments,
        cwd=ROOT,
        env=os.environ | (environment or {}),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        line = ""
        async with asyncio.timeout(_START_S_MAX):
            while ready not in line:
                line = (await process.stdout.readline()).decode()
                assert line, f"{' '.join(arguments)} ended before it was ready"
        yield Service(process, line)
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(_STOP_S_MAX):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


def simulated_market(seed: int = 7) -> "asynccontextmanager[Service]":  # type: ignore[valid-type]
    """Run the sandbox with a simulated market."""
    return running(
        "exchange_wrapper.sandbox", "simulate", "--seed", str(seed),
        "--rest-port", "0", "--ws-port", "0", ready="sandbox ready",
    )  # fmt: skip


class XWrap:
    """xWrap's files in a folder; it can be started on them again and again."""

    def __init__(self, folder: Path, market: Service, currencies: tuple[str, ...]) -> None:
        self.config = folder / "settings.json"
        exchange = {
            "mode": "paper",
            "class": "exchange_wrapper.exchange.gdax.GDAXExchange",
            "rest_url": market.url("rest"),
            "ws_url": market.url("ws"),
            "history_days": 1,
        }
        settings = {"currencies": currencies, "exchanges": {"gdax": exchange}}
        self.config.write_text(json.dumps(settings))
        self.environment = {
            "SQLITE_DB": str(folder / "xwrap.db"),
            "TIMESERIES_DB": str(folder / "timeseries.db"),
            "RPC_PORT": "0",
            "WEB_PORT": "0",
        }

    async def init_db(self) -> None:
        """Make the database."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "exchange_wrapper.service", "init_db",
            self.environment["SQLITE_DB"], cwd=ROOT, stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert await process.wait() == 0

    def running(self) -> "asynccontextmanager[Service]":  # type: ignore[valid-type]
        """Run the service."""
        return running(
            "exchange_wrapper.service", "run", "--config", str(self.config),
            ready="xWrap ready", environment=self.environment,
        )  # fmt: skip
