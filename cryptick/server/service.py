"""The API of the server: what can be run, and all that is known of runs."""

import asyncio
import time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from cryptick import __version__
from cryptick.components.format import Format
from cryptick.components.reading import Page as RowPage
from cryptick.components.reading import list_components, read_format, read_rows, tail
from cryptick.editing.drafts import Drafts
from cryptick.server.editor_api import EditorApi
from cryptick.server.following import Channel, Following
from cryptick.server.pages import Pages
from cryptick.server.processes import PROCESS_LOG
from cryptick.server.records import LogPage, MessagePage, log_page, message_page, newest_messages
from cryptick.server.results_api import Name, Offset, ResultsApi, Rows, TableRows, Text
from cryptick.server.runnables import Runnables
from cryptick.server.store import Fields, RunStore
from cryptick.server.supervisor import Supervisor
from cryptick.server.sweeps import SweepStore
from cryptick.server.xwrap import XWrap
from cryptick.start_form import RunMode, Seconds, StartBalance, StartForm
from exchange_wrapper.errors import ApiUsageError, Forbidden
from exchange_wrapper.numbers import format_amount, parse_amount
from exchange_wrapper.times import UtcNs, to_iso
from serving.registry import About, Amount, Caller, Role, Tag, api_method

__all__ = ["ABOUT", "CryptickService", "FundedWith"]

ABOUT: Final = About(
    title="Cryptick",
    version=__version__,
    description="Cryptick runs strategies: in backtests, on paper and live. Amounts of money are "
    "decimal text, times ISO 8601 or seconds since 1970 UTC. Socket.IO on this port tells of what "
    "happens: `run` and `component` to everybody; `message` and `log` to those who sent "
    "`subscribe` with `run_id` and `channel` (`messages` or `log`). `seq` counts the events of a "
    "run: where one is missing, ask for the run again.",
    tags=(
        Tag("runnables", "What can be run", ("/runnables", "/history")),
        Tag(
            "results",
            "Results",
            ("/results", "/performance", "/equity", "/compare", "/metrics", "/report", "/pages"),
        ),
        Tag("sweeps", "Sweeps", ("/sweeps",)),
        Tag("runs", "Runs", ("/run",)),
        Tag("editor", "Strategies that are written in the page", ("/editor",)),
        Tag("service", "The service"),
    ),
)

_NOT_LISTED: Final = frozenset(
    {"pid", "pid_started", "traceback", "params", "manifest", "results", "versions"}
)
_PARAMS_MAX: Final = 200
_BALANCES_MAX: Final = 200

RequestId = Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[\w-]*$")]
Latency = Annotated[int, msgspec.Meta(ge=0, le=60_000)]


class FundedWith(msgspec.Struct, forbid_unknown_fields=True):
    """What a run gets of one currency of an exchange."""

    exchange: Name
    base: Name
    balance: Amount


class CryptickService(ResultsApi, EditorApi):
    """The methods of the API."""

    def __init__(
        self,
        store: RunStore,
        sweeps: SweepStore,
        pages: Pages,
        runnables: Runnables,
        supervisor: Supervisor,
        xwrap: XWrap,
        following: Following,
        started_at: UtcNs,
        drafts: Drafts | None = None,
    ) -> None:
        ResultsApi.__init__(self, store, sweeps, pages)
        EditorApi.__init__(self, drafts, lambda: UtcNs(time.time_ns()))
        self._runnables = runnables
        self._supervisor = supervisor
        self._xwrap = xwrap
        self._following = following
        self._started_at = started_at

    # What can be run

    @api_method(Role.VIEWER, get="/runnables")
    async def get_runnables(self) -> list[dict[str, Any]]:
        """Return the strategies that can be run.

        Each has ``name``, ``description`` and how many ``parameters``.
        """
        return await asyncio.to_thread(self._runnables.all)

    @api_method(Role.VIEWER, get="/runnables/{name}/parameters")
    async def get_parameters(self, *, name: Name) -> list[dict[str, Any]]:
        """Return what a form needs to ask for each parameter of a strategy.

        ``type`` is string, integer, number, decimal (as text), boolean or strings.
        """
        return await asyncio.to_thread(self._runnables.parameters, name)

    @api_method(Role.TRADER, put="/runnables/{name}/start")
    async def start_run(
        self,
        *,
        caller: Caller,
        name: Name,
        mode: RunMode,
        balances: list[FundedWith],
        start: Seconds | None = None,
        end: Seconds | None = None,
        params: dict[str, Any] | None = None,
        freq: Name | None = None,
        fill_model: Name | None = None,
        latency_ms: Latency | None = None,
        slippage_bps: Decimal | None = None,
        label: Text = "",
        confirm: bool = False,
        request_id: RequestId = "",
    ) -> dict[str, str]:
        """Start a run and return its ``run_id``.

        A backtest is on the bars that open from ``start`` on and before ``end``, seconds since
        1970 UTC; all there is without them. ``fill_model`` (``next_open``, ``bar_path``, ``book``),
        ``latency_ms`` and ``slippage_bps`` say how it fills orders. Live trades real money, so it
        needs ``confirm``. Whoever asks again with the same ``request_id`` gets the run of then:
        after an answer that was lost nothing is started twice.
        """
        caller.check_wallet_set(None)
        await self._check_draft(caller, name, mode)
        if mode == "live" and not confirm:
            raise Forbidden("a live run trades real money: start it with confirm=true")
        if len(balances) > _BALANCES_MAX or len(params or {}) > _PARAMS_MAX:
            raise ApiUsageError(
                "these are more balances or params than any run has", field="params"
            )
        if not label.isprintable():
            raise ApiUsageError("label must be one printable line", field="label")
        form = StartForm(
            strategy=name,
            mode=mode,
            balances=tuple(
                StartBalance(
                    each.exchange,
                    each.base,
                    format_amount(parse_amount(each.balance, f"the balance of {each.base}")),
                )
                for each in balances
            ),
            start=start,
            end=end,
            params=params or {},
            freq=freq,
            fill_model=fill_model,
            latency_ms=latency_ms,
            slippage_bps=None
            if slippage_bps is None
            else format_amount(parse_amount(slippage_bps, "slippage_bps")),
            label=label,
        )
        assert caller.identity is not None
        try:
            started = await self._supervisor.start(form, caller.identity.name, request_id)
            return {"run_id": started}
        except ApiUsageError as error:
            if not error.data:
                raise type(error)(error.message, field="form") from None
            raise

    @api_method(Role.VIEWER, get="/history")
    async def get_history(self, *, offset: Offset = 0, limit: Rows = 1000) -> dict[str, Any]:
        """Return which ``candles`` and ``recordings`` exist, per exchange and pair, and from where.

        Candles have their length ``freq_s`` and ``start`` and ``end`` in seconds since 1970.
        ``total`` is the number of the longer list.
        """
        found = await self._xwrap.history()
        return {
            "source": found["source"],
            "total": max(len(found[kind]) for kind in ("candles", "recordings")),
            **{kind: found[kind][offset : offset + limit] for kind in ("candles", "recordings")},
        }

    # Runs

    @api_method(Role.VIEWER, get="/runs")
    async def get_runs(
        self,
        *,
        offset: Offset = 0,
        limit: Rows = 200,
        state: Name | None = None,
        mode: Name | None = None,
        strategy: Name | None = None,
    ) -> dict[str, dict[str, Any]]:
        """Return runs by their id, the newest first, all or those of a state, mode or strategy.

        Each has ``mode``, ``run_id``, ``running``, ``strategy``, ``state``, ``label``, times,
        balances, counts and equity.
        """
        wanted = {"state": state, "mode": mode, "strategy": strategy}
        asked = {key: value for key, value in wanted.items() if value is not None}
        runs = await asyncio.to_thread(self._store.all)
        fit = [
            run_id
            for run_id, fields in runs.items()
            if all(fields.get(key) == value for key, value in asked.items())
        ]
        return {
            run_id: self._described(run_id, runs[run_id], whole=False)
            for run_id in fit[offset : offset + limit]
        }

    @api_method(Role.VIEWER, get="/runs/{run_id}")
    async def get_run(self, *, run_id: Name) -> dict[str, Any]:
        """Return all that is known of a run, also its error and ``traceback`` where it failed.

        ``seq`` is the number of the newest event that was told of it.
        """
        fields = await asyncio.to_thread(self._store.fields, run_id)
        return self._described(run_id, fields, whole=True)

    @api_method(Role.TRADER, put="/runs/{run_id}/stop")
    async def stop_run(self, *, run_id: Name) -> dict[str, str]:
        """Stop a run: its strategy says goodbye, its orders are cancelled, its funds go back.

        One that does not stop in time is killed. What has ended stays as it is.
        """
        await self._supervisor.stop(run_id)
        return {"run_id": run_id, "state": self._state(run_id, "stopping")}

    @api_method(Role.TRADER, put="/run/{run_id}/stop")
    async def stop_one_run(self, *, run_id: Name) -> dict[str, str]:
        """Stop a run, as ``/runs/{run_id}/stop`` does."""
        return await self.stop_run(run_id=run_id)

    @api_method(Role.TRADER, put="/runs/{run_id}/pause")
    async def pause_run(self, *, run_id: Name) -> dict[str, str]:
        """Keep market data and timers from a run's strategy. Its open orders stay."""
        await self._supervisor.pause(run_id)
        return {"run_id": run_id, "state": self._state(run_id, "paused")}

    @api_method(Role.TRADER, put="/runs/{run_id}/resume")
    async def resume_run(self, *, run_id: Name) -> dict[str, str]:
        """Let a run go on: it hears what became of its orders, then the newest prices."""
        await self._supervisor.resume(run_id)
        return {"run_id": run_id, "state": self._state(run_id, "running")}

    @api_method(Role.TRADER, put="/runs/{run_id}/rerun")
    async def rerun(self, *, caller: Caller, run_id: Name) -> dict[str, str]:
        """Start a backtest once more, as it was started before, and return the new ``run_id``."""
        assert caller.identity is not None
        return {"run_id": await self._supervisor.rerun(run_id, caller.identity.name)}

    @api_method(Role.ADMIN, delete="/runs/{run_id}")
    async def delete_run(self, *, run_id: Name) -> dict[str, str]:
        """Delete all files of a run that has ended."""
        await self._supervisor.delete(run_id)
        return {"run_id": run_id, "state": "deleted"}

    # What a run has made

    @api_method(Role.VIEWER, get="/runs/{run_id}/components")
    async def get_components(self, *, run_id: Name) -> list[Format]:
        """Return the formats of all components of a run, in the order of the page."""
        return await asyncio.to_thread(list_components, self._components(run_id))

    @api_method(Role.VIEWER, get="/runs/{run_id}/components/{component_id}")
    async def get_component(self, *, run_id: Name, component_id: Name) -> Format:
        """Return the format of a component."""
        return await asyncio.to_thread(read_format, self._components(run_id), component_id)

    @api_method(Role.TRADER, put="/runs/{run_id}/components/{component_id}")
    async def post_to_component(
        self, *, run_id: Name, component_id: Name, value: Any
    ) -> dict[str, Any]:
        """Send what the user did to a component, and return the ``value`` that it holds now."""
        await asyncio.to_thread(read_format, self._components(run_id), component_id)
        return {"value": await self._supervisor.post(run_id, component_id, value)}

    @api_method(Role.VIEWER, get="/runs/{run_id}/components/{component_id}/rows")
    async def get_component_rows(
        self,
        *,
        run_id: Name,
        component_id: Name,
        generation: Offset | None = None,
        offset: Offset = 0,
        limit: TableRows = 1000,
        last: bool = False,
    ) -> RowPage:
        """Return rows of a component's data from ``offset`` on, or with ``last`` the last ones.

        Where there is another ``generation`` by now, ``changed`` says so: begin anew.
        """
        directory = self._components(run_id)
        if last:
            return await asyncio.to_thread(tail, directory, component_id, limit)
        return await asyncio.to_thread(
            read_rows, directory, component_id, generation, offset, limit
        )

    @api_method(Role.VIEWER, get="/runs/{run_id}/messages")
    async def get_messages(
        self,
        *,
        run_id: Name,
        after: Offset = 0,
        before: Offset | None = None,
        limit: Rows = 200,
        method: Text | None = None,
        text: Text | None = None,
    ) -> MessagePage:
        """Return what went through a run's hub after a sequence, or before one, newest first.

        ``method`` is a pattern such as ``exchange.*``; ``text`` occurs anywhere in the message.
        ``next`` is the ``after`` of the next page; the end is reached where it equals ``last``.
        With ``before`` it is the ``before`` of the next page, and 0 where there is none.
        """
        path = self._store.path(run_id) / "messages.jsonl"
        if before is not None:
            return await asyncio.to_thread(newest_messages, path, before, limit, method, text)
        return await asyncio.to_thread(message_page, path, after, limit, method, text)

    @api_method(Role.VIEWER, get="/runs/{run_id}/log")
    async def get_log(
        self, *, run_id: Name, offset: Offset = 0, limit: Rows = 200, tail: Rows | None = None
    ) -> LogPage:
        """Return lines of a run's log from a byte on, or the last ``tail`` ones."""
        path = self._store.path(run_id) / "run.log"
        return await asyncio.to_thread(log_page, path, offset, limit, tail)

    @api_method(Role.VIEWER, get="/runs/{run_id}/output")
    async def get_output(
        self, *, run_id: Name, offset: Offset = 0, limit: Rows = 200, tail: Rows | None = None
    ) -> LogPage:
        """Return what a run's process has printed: lines from a byte on, or the last ``tail`` ones.

        There is nothing of a run of the command line: that went to its terminal.
        """
        path = self._store.path(run_id) / PROCESS_LOG
        return await asyncio.to_thread(log_page, path, offset, limit, tail)

    # The service

    @api_method(Role.VIEWER, get="/status", funds=False)
    def get_status(self) -> dict[str, Any]:
        """Return that the service is there, its version, and how many runs go on."""
        return {
            "status": "online",
            "version": __version__,
            "started_at": to_iso(self._started_at),
            "running": self._supervisor.running,
        }

    @api_method(Role.VIEWER, get="/health", funds=False)
    def get_health(self) -> dict[str, str]:
        """Return ``ok``."""
        return {"status": "ok"}

    @api_method(Role.VIEWER)
    def subscribe(
        self, *, connection_id: int | None, run_id: Name, channel: Channel
    ) -> dict[str, str]:
        """Tell this connection what a run writes from now on: its messages, or its log."""
        self._store.path(run_id)
        if connection_id is not None:
            self._following.follow(connection_id, run_id, channel)
        return {"status": "ok"}

    @api_method(Role.VIEWER)
    def unsubscribe(
        self, *, connection_id: int | None, run_id: Name, channel: Channel
    ) -> dict[str, str]:
        """Take back a subscription."""
        if connection_id is not None:
            self._following.leave(connection_id, run_id, channel)
        return {"status": "ok"}

    def _described(self, run_id: str, fields: Fields, *, whole: bool) -> dict[str, Any]:
        hidden = {"pid", "pid_started"} if whole else _NOT_LISTED
        described = {name: value for name, value in fields.items() if name not in hidden}
        return described | {"seq": self._supervisor.number(run_id)}

    def _state(self, run_id: str, expected: str) -> str:
        """Return the state of a run that was told to do something, which it may not have noted."""
        fields = self._store.fields(run_id)
        return expected if fields["running"] else str(fields["state"])

    def _components(self, run_id: str) -> Path:
        return self._store.path(run_id) / "components"
