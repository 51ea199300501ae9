"""The part of the API that tells what runs and sweeps have come to."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final

import msgspec

from cryptick.server.pages import LIFE_S, Pages
from cryptick.server.records import TablePage, table_page
from cryptick.server.results import EquityOfAll, RunMetrics, RunResults, StrategyRow
from cryptick.server.store import Fields, RunStore
from cryptick.server.sweeps import HeatMap, SweepDetail, SweepStore
from exchange_wrapper.errors import ApiUsageError, NoData
from serving.registry import Page, Role, api_method

__all__ = ["Name", "Offset", "ResultsApi", "Rows", "TableRows", "Text"]

_COMPARED_MAX: Final = 20
_CURVE: Final = 2_500  # a curve is kept with at most 2,000 points, and live ones begin with few

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Text = Annotated[str, msgspec.Meta(max_length=500)]
Offset = Annotated[int, msgspec.Meta(ge=0, le=(1 << 53) - 1)]
Rows = Annotated[int, msgspec.Meta(ge=0, le=1000)]
TableRows = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
Points = Annotated[int, msgspec.Meta(ge=1, le=10_000)]


class ResultsApi:
    """The methods about results."""

    def __init__(self, store: RunStore, sweeps: SweepStore, pages: Pages) -> None:
        self._store = store
        self._pages = pages
        self._results = RunResults(store)
        self._sweeps = sweeps

    # Of many runs

    @api_method(Role.VIEWER, get="/results")
    async def get_results(
        self,
        *,
        offset: Offset = 0,
        limit: Rows = 50,
        state: Name | None = None,
        mode: Name | None = None,
        strategy: Name | None = None,
        text: Text | None = None,
    ) -> dict[str, Any]:
        """Return a page of ``runs``, the newest first, with what each has come to.

        Each has its ``total_return`` as a fraction, ``fees_paid`` by currency and a ``sparkline``
        of its equity. ``text`` occurs in the id, label or strategy; ``total`` is how many fit.
        """
        wanted = {"state": state, "mode": mode, "strategy": strategy}

        def read() -> dict[str, Any]:
            fit = self._matching(wanted, text)
            page = list(fit.items())[offset : offset + limit]
            rows = [self._results.row(run_id, fields) for run_id, fields in page]
            return {"total": len(fit), "offset": offset, "runs": rows}

        return await asyncio.to_thread(read)

    @api_method(Role.VIEWER, get="/performance")
    async def get_performance(
        self, *, mode: Name | None = None, strategy: Name | None = None
    ) -> list[StrategyRow]:
        """Return what all runs of each strategy have come to, by mode and currency.

        Amounts are sums over the runs, ``best`` and ``worst`` returns of single ones, ``sharpe``
        is the mean of those that have one.
        """
        wanted = {"mode": mode, "strategy": strategy}
        return await asyncio.to_thread(
            lambda: self._results.by_strategy(self._matching(wanted, None))
        )

    @api_method(Role.VIEWER, get="/equity")
    async def get_equity_of_all(
        self, *, mode: Name | None = None, strategy: Name | None = None, points: Points = 500
    ) -> list[EquityOfAll]:
        """Return the equity of all runs together over time, by mode and currency.

        ``equity`` is what the ``runs`` had that went on then, ``profit`` what all until then won.
        """
        wanted = {"mode": mode, "strategy": strategy}
        return await asyncio.to_thread(
            lambda: self._results.equity_of_all(self._matching(wanted, None), points)
        )

    @api_method(Role.VIEWER, get="/compare")
    async def compare_runs(
        self, *, run_id: Annotated[str, msgspec.Meta(max_length=3000)]
    ) -> Fields:
        """Return the summaries and equity curves of several runs: their ids, split by commas.

        ``{run_id: {"summary": …, "equity": [[time, equity], …]}}``; a run without a report has
        None as its summary.
        """
        run_ids = list(dict.fromkeys(each for each in run_id.split(",") if each))
        if not 0 < len(run_ids) <= _COMPARED_MAX:
            raise ApiUsageError(
                f"compare from 1 to {_COMPARED_MAX} runs, not {len(run_ids)}", field="run_id"
            )
        return {each: await asyncio.to_thread(self._compared, each) for each in run_ids}

    # Of one run

    @api_method(Role.VIEWER, get="/runs/{run_id}/orders")
    async def get_orders(
        self, *, run_id: Name, offset: Offset = 0, limit: TableRows = 200
    ) -> TablePage:
        """Return a run's orders that are done, and at its end the others, too."""
        return await self._table(run_id, "orders.csv", offset, limit)

    @api_method(Role.VIEWER, get="/runs/{run_id}/trades")
    async def get_trades(
        self, *, run_id: Name, offset: Offset = 0, limit: TableRows = 200
    ) -> TablePage:
        """Return a run's trades, oldest first."""
        return await self._table(run_id, "trades.csv", offset, limit)

    @api_method(Role.VIEWER, get="/runs/{run_id}/equity")
    async def get_equity(
        self,
        *,
        run_id: Name,
        offset: Offset = 0,
        limit: TableRows = 2500,
        points: Points | None = None,
    ) -> TablePage:
        """Return a run's equity over time; while it goes on, as far as that is known.

        With ``points`` it is the whole of it in so many rows at most, evenly spread and the newest
        among them; ``total`` is how many there are.
        """
        if points is not None:
            return await asyncio.to_thread(self._results.equity_page, run_id, points)
        return await self._table(run_id, "equity.csv", offset, limit)

    @api_method(Role.VIEWER, get="/runs/{run_id}/metrics")
    async def get_metrics(self, *, run_id: Name) -> RunMetrics:
        """Return the figures of a run, also while it goes on: return, Sharpe ratio, drawdown, fees.

        Returns and risks are fractions; what can't be computed is None, and ``undefined`` says why.
        """
        return await asyncio.to_thread(self._results.metrics, run_id)

    @api_method(Role.VIEWER, get="/runs/{run_id}/report")
    async def get_report(self, *, run_id: Name) -> dict[str, Any]:
        """Return the summary of a run that has come to its end."""
        return await asyncio.to_thread(self._store.summary, run_id)

    @api_method(Role.VIEWER, get="/runs/{run_id}/report.html")
    async def get_report_page(self, *, run_id: Name) -> Page:
        """Return the report of a run as a page."""
        return Page(await asyncio.to_thread(self._store.page, run_id, "report.html"))

    # Sweeps

    @api_method(Role.VIEWER, get="/sweeps")
    async def get_sweeps(self, *, offset: Offset = 0, limit: Rows = 50) -> dict[str, Any]:
        """Return a page of ``sweeps``, the newest first: what each searches, and how far it is."""
        found = await asyncio.to_thread(self._sweeps.all)
        page = found[offset : offset + limit]
        return {"total": len(found), "offset": offset, "sweeps": page}

    @api_method(Role.VIEWER, get="/sweeps/{sweep_id}")
    async def get_sweep(self, *, sweep_id: Name) -> SweepDetail:
        """Return what a sweep has come to so far: its verdict, choices and warnings."""
        return await asyncio.to_thread(self._sweeps.detail, sweep_id)

    @api_method(Role.VIEWER, get="/sweeps/{sweep_id}/points")
    async def get_sweep_points(
        self, *, sweep_id: Name, offset: Offset = 0, limit: TableRows = 200
    ) -> TablePage:
        """Return the points that were tried, best first: parameters, then figures as fractions."""
        return await asyncio.to_thread(self._sweeps.points, sweep_id, offset, limit)

    @api_method(Role.VIEWER, get="/sweeps/{sweep_id}/heat_map")
    async def get_sweep_heat_map(self, *, sweep_id: Name) -> HeatMap:
        """Return the score by the first two parameters that were searched, as rows of cells."""
        return await asyncio.to_thread(self._sweeps.heat_map, sweep_id)

    @api_method(Role.VIEWER, get="/sweeps/{sweep_id}/sweep.html")
    async def get_sweep_page(self, *, sweep_id: Name) -> Page:
        """Return the results of a sweep that has come to its end as a page."""
        return Page(await asyncio.to_thread(self._sweeps.page, sweep_id))

    # Pages

    @api_method(Role.VIEWER, put="/pages")
    async def open_page(
        self, *, run_id: Name | None = None, sweep_id: Name | None = None
    ) -> dict[str, Any]:
        """Return the ``path`` at which a browser finds the report of a run, or of a sweep.

        It needs no token, and is good for ``expires_s`` seconds.
        """
        if (run_id is None) == (sweep_id is None):
            raise ApiUsageError("name either a run or a sweep", field="run_id")
        read: Callable[[], bytes]
        if run_id is not None:
            read = partial(self._store.page, run_id, "report.html")
        else:
            read = partial(self._sweeps.page, sweep_id or "")
        await asyncio.to_thread(read)  # whoever asks for what is not there learns it now
        return {"path": f"/pages/{self._pages.open(read)}", "expires_s": LIFE_S}

    @api_method(Role.VIEWER, get="/pages/{ticket}", funds=False)
    async def get_page(self, *, ticket: Name) -> Page:
        """Return a page that was opened a moment ago; see ``open_page``."""
        return Page(await asyncio.to_thread(self._pages.read, ticket))

    def _matching(self, wanted: dict[str, str | None], text: str | None) -> dict[str, Fields]:
        asked = {key: value for key, value in wanted.items() if value is not None}
        needle = (text or "").lower()
        return {
            run_id: fields
            for run_id, fields in self._store.all().items()
            if all(fields.get(key) == value for key, value in asked.items())
            and needle in f"{run_id} {fields.get('label', '')} {fields.get('strategy')}".lower()
        }

    async def _table(self, run_id: str, name: str, offset: int, limit: int) -> TablePage:
        path = self._store.path(run_id) / name
        return await asyncio.to_thread(table_page, path, offset, limit)

    def _compared(self, run_id: str) -> dict[str, Any]:
        curve = table_page(self._store.path(run_id) / "equity.csv", 0, _CURVE)
        try:
            summary: Fields | None = self._store.summary(run_id)
        except NoData:
            summary = None
        return {"summary": summary, "equity": curve.rows}
