"""A portfolio on paper, steered as its manager does, against the simulated market."""

import asyncio
import tempfile
import unittest
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from cryptick.audit import AuditLog
from cryptick.components import COMPONENT_POST, list_components, read_rows
from cryptick.messages import Result
from cryptick.paper import PaperRun
from cryptick.portfolio_trading import TradingState
from cryptick.request import RunRequest
from cryptick.run_directory import RunDirectory
from cryptick.strategy.base import RunContext
from cryptick.strategy.efficient_frontier import EfficientFrontier
from exchange_wrapper.client import XWrapClient
from tests.system.processes import XWrap, simulated_market

COINS = ("BTC", "ETH", "LTC")
CANDLES_MIN = 100
WAIT_S_MAX = 90.0
# Prices move while the last orders fill.
DEVIATION_MAX = 0.005

made: list[EfficientFrontier] = []


class Steered(EfficientFrontier):
    """Within the test's reach."""

    def __init__(self, context: RunContext) -> None:
        super().__init__(context)
        made.append(self)

    def offered(self) -> str:
        return str(self.view.confirm.format.options["press"])


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S_MAX):
        while not is_so():  # noqa: ASYNC110 - what is waited for lives in the strategy
            await asyncio.sleep(0.05)


class Portfolio(unittest.IsolatedAsyncioTestCase):
    async def test_from_the_maximum_sharpe_ratio_to_the_minimum_variance_in_mid_flight(
        self,
    ) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        market = await self.enterAsyncContext(simulated_market())
        xwrap = XWrap(folder, market, (*COINS, "USD"))
        await xwrap.init_db()
        service = await self.enterAsyncContext(xwrap.running())
        client = await XWrapClient.connect(service.url("rpc"))
        params = Steered.Params(
            period="5m",
            days=1,
            days_least=Decimal(0),
            cloud=100,
            resamples=0,
            slices=4,
            interval_s=1,
            band=Decimal(0),
        )
        balances = {"gdax": {"USD": Decimal(20_000)}}
        request = RunRequest(Steered, params, "paper", balances)
        run = await PaperRun.prepare(request, client)
        await self.wait_for_candles(client)
        stop, said = asyncio.Event(), list[str]()
        directory = RunDirectory.claim(folder / "runs", "EfficientFrontier")
        with AuditLog(directory.path / "messages.jsonl", flush=True) as audit:
            task = asyncio.create_task(run.run(directory, audit, stop, said.append))
            try:
                await until(lambda: (bool(made) and hasattr(made[-1], "trader")) or task.done())
                strategy = made[-1]
                await until(lambda: not strategy.trader.without_price())
                self.post("maximum-sharpe", "1")
                if not strategy.offered():  # on this day everything fell
                    last = strategy.frontier.maximum_return if strategy.frontier else None
                    assert last is not None, said
                    weights = dict(zip(strategy.mix, map(str, last.exact_weights()), strict=True))
                    self.post("frontier", {"weights": weights, "point": None})
                self.assertEqual(strategy.open_orders, {})
                await self.confirm()
                await until(lambda: strategy.wallet("USD").balance < 20_000)

                self.post("minimum-variance", "1")
                wanted = strategy.frontier.minimum_variance if strategy.frontier else None
                assert wanted is not None
                await self.confirm()
                await until(lambda: strategy.trader.state is TradingState.IDLE)
                held = strategy.trader.weights()
                for name, weight in zip(strategy.mix, wanted.weights, strict=True):
                    self.assertAlmostEqual(held[name], float(weight), delta=DEVIATION_MAX, msg=said)
            finally:
                stop.set()
                summary = await task
        self.assertGreater(summary.trades, 0)
        shown = directory.path / "components"
        self.assertTrue({"frontier", "orders", "weights"} < {f.id for f in list_components(shown)})
        path = [row for row in read_rows(shown, "frontier").rows if row[0] == "current"]
        self.assertGreaterEqual(len(path), summary.trades)
        await client.close()

    def post(self, id: str, value: object) -> None:
        answers: list[object] = []
        made[-1].hub.call(COMPONENT_POST, id, value, reply=answers.append)
        self.assertIsInstance(answers[0], Result)

    async def confirm(self) -> None:
        """Confirm what is offered, also anew while the market moves away."""
        async with asyncio.timeout(WAIT_S_MAX):
            while press := made[-1].offered():
                self.post("confirm", press)
                await asyncio.sleep(0)

    async def wait_for_candles(self, client: XWrapClient) -> None:
        async with asyncio.timeout(WAIT_S_MAX):
            for coin in COINS:
                count = 0
                while count < CANDLES_MIN:
                    await asyncio.sleep(0.1)
                    pages = client.iterate_ohlcv("gdax", f"{coin}_USD", start=0, freq="5m")
                    count = sum([len(points) async for points in pages])


if __name__ == "__main__":
    unittest.main()
