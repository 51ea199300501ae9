"""The service in a thread of its own, for test tools that block."""

import asyncio
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from exchange_wrapper.candles import Candles
from exchange_wrapper.service.server import Running, serve
from exchange_wrapper.terms import ExchangeStatus
from tests.exchange_wrapper.fake_exchange import settings, until

_START_S_MAX = 30.0


@contextmanager
def service_thread() -> Iterator[Running]:
    """Run the service on a fake exchange, with some candles, as long as the context lasts."""
    started: list[Running] = []
    is_up, is_over = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def work(folder: Path) -> None:
        async with serve(settings(folder, latency_ms=0)) as running:
            engine = running.service.engine
            await until(lambda: engine.venues["fake"].status is ExchangeStatus.READY)
            time = np.arange(300) * 300
            price = np.full(300, 100)
            candles = Candles(300, 2, 0, time, price, price, price, price, price, time)
            await asyncio.to_thread(engine.store.write, "fake", "BTC_USD", candles)
            started.append(running)
            is_up.set()
            await is_over.wait()

    with tempfile.TemporaryDirectory() as folder:
        thread = threading.Thread(target=loop.run_until_complete, args=(work(Path(folder)),))
        thread.start()
        try:
            assert is_up.wait(_START_S_MAX), "the service did not start"
            yield started[0]
        finally:
            loop.call_soon_threadsafe(is_over.set)
            thread.join()
            loop.close()
