"""All runs that go on: started, steered, watched, and found again after a restart."""

import asyncio
import logging
import shutil
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from cryptick.components import COMPONENT_CHANGED, COMPONENT_POST
from cryptick.control import ENDED, PAUSE, RESUME, STATUS, STOP, RunStatus
from cryptick.errors import UsageError
from cryptick.messages import Call
from cryptick.run_directory import RunDirectory
from cryptick.runner import claim
from cryptick.server.link import WorkerLink
from cryptick.server.processes import Process, spawn
from cryptick.server.runnables import Runnables
from cryptick.server.settings import Settings
from cryptick.server.store import Fields, RunStore
from cryptick.server.xwrap import XWrap
from cryptick.start_form import Start, StartForm
from exchange_wrapper.errors import ApiUsageError, DataError, Unavailable, XWrapError

__all__ = ["Supervisor"]

_log = logging.getLogger("cryptick.supervisor")

_LINK_S: Final = 30.0  # until a process that was just started listens, on a busy machine
_LINK_POLL_S: Final = (0.02, 0.5)
_FOUND_S: Final = 30.0  # until a process that an earlier server started has noted its id
_SETTLE_AGAIN_S: Final = 5.0

Publish = Callable[[str, dict[str, Any]], None]


@dataclass
class _Run:
    """A run that goes on."""

    run_id: str
    path: Path
    process: Process | None = None
    link: WorkerLink | None = None
    linked: asyncio.Event = field(default_factory=asyncio.Event)
    status: RunStatus = field(default_factory=lambda: RunStatus("starting"))
    forced: str = ""  # why we killed it


class Supervisor:
    """Start runs, pass on what they are told and what they tell, and tidy up after them.

    Parameters
    ----------
    publish : callable
        Gets ``run`` and ``component`` events.
    """

    def __init__(
        self,
        settings: Settings,
        store: RunStore,
        runnables: Runnables,
        xwrap: XWrap,
        publish: Publish,
    ) -> None:
        self._settings = settings
        self._store = store
        self._runnables = runnables
        self._xwrap = xwrap
        self._publish = publish
        self._runs: dict[str, _Run] = {}
        self._numbers: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._starting: set[asyncio.Task[str]] = set()
        self._asked: dict[tuple[str, str], asyncio.Task[str]] = {}

    @property
    def running(self) -> int:
        """How many runs go on."""
        return len(self._runs)

    def number(self, run_id: str) -> int:
        """Return the number of the newest event of a run; 0 before the first."""
        return self._numbers.get(run_id, 0)

    def find(self) -> None:
        """Take care of the runs that earlier servers have started."""
        for run_id, fields in self._store.all().items():
            if not self._store.is_ours(run_id):
                continue
            if fields["running"]:
                run = self._runs[run_id] = _Run(run_id, self._store.path(run_id))
                self._spawn(self._find(run), f"find {run_id}")
            elif fields["state"] == "failed" and "settled" not in fields:
                self._spawn(self._settle(self._store.path(run_id)), f"settle {run_id}")

    async def close(self) -> None:
        """Leave all runs to themselves."""
        if self._starting:
            await asyncio.wait(self._starting)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for run in self._runs.values():
            if run.link is not None:
                await run.link.close()
            if run.process is not None:
                run.process.close()

    async def start(self, form: StartForm, by: str, request_id: str = "") -> str:
        """Start a run and return its id.

        Parameters
        ----------
        request_id : str, optional
            Who asks with the same one again gets the run that was started then.

        Raises
        ------
        XWrapError
            It can't be started; nothing is left behind.
        """
        asked = (by, request_id)
        task = self._asked.get(asked)
        if task is not None:
            return await asyncio.shield(task)
        if request_id:
            for run_id, fields in (await asyncio.to_thread(self._store.all)).items():
                if (fields.get("started_by"), fields.get("request_id")) == asked:
                    return run_id
            task = self._asked.get(asked)  # another may have come while the runs were read
            if task is not None:
                return await asyncio.shield(task)
        # A caller that goes away in the middle must not leave half a run behind.
        start = self._start(form, by, request_id)
        task = asyncio.create_task(start, name=f"start {form.strategy}")
        if request_id:
            self._asked[asked] = task
            task.add_done_callback(lambda _: self._asked.pop(asked, None))
        self._starting.add(task)
        task.add_done_callback(self._started)
        return await asyncio.shield(task)

    async def rerun(self, run_id: str, by: str) -> str:
        """Start a backtest once more and return the id of the new run.

        Raises
        ------
        UsageError
            It was not a backtest, or is not one of the server's.
        """
        fields = self._store.fields(run_id)
        if fields["mode"] != "backtest":
            raise UsageError(
                f"run {run_id} is on {fields['mode']}: only backtests run again", field="run_id"
            )
        if not self._store.is_ours(run_id):
            raise UsageError(
                f"run {run_id} was started from a command line: run it again there, by "
                f"python -m cryptick.rerun {run_id}",
                field="run_id",
            )
        form = Start.read(self._store.path(run_id)).form
        name = self._runnables.name_of(form.strategy)
        again = msgspec.structs.replace(form, strategy=name, **_period(fields))
        return await self.start(again, by)

    async def _start(self, form: StartForm, by: str, request_id: str) -> str:
        if len(self._runs) >= self._settings.runs_max:
            raise ApiUsageError(
                f"{len(self._runs)} runs go on, and no more than {self._settings.runs_max} may: "
                "stop one first"
            )
        spec, strategy = await asyncio.to_thread(self._runnables.find, form.strategy)
        form = msgspec.structs.replace(form, strategy=spec)
        request = form.request(strategy)
        if form.mode != "backtest":
            await self._xwrap.check(form.mode, request.balances)
        directory = await asyncio.to_thread(claim, request, self._store.root)
        path, run_id = directory.path, directory.run_id
        run = self._runs[run_id] = _Run(run_id, path)
        set_id, token = None, None
        try:
            path.chmod(0o700)
            if form.mode != "backtest":
                set_id, token = await self._xwrap.fund(run_id, request.wallets())
            directory.update(
                label=form.label, started_by=by, request_id=request_id, wallet_set_id=set_id
            )
            settings = self._settings
            Start(
                form=form,
                limits=settings.limits,
                xwrap=settings.xwrap,
                store=settings.store,
                wallet_set_id=set_id,
                started_by=by,
                away_s=settings.away_s,
            ).write(path)
            run.process = Process.open(spawn(path, token))
        except (XWrapError, OSError) as error:
            del self._runs[run_id]
            shutil.rmtree(path)
            if set_id is not None:
                await self._give_back(set_id)
            if isinstance(error, OSError):
                raise Unavailable(f"the run can't be started: {error.strerror}") from error
            raise
        self._tell(run)
        self._spawn(self._watch(run), f"watch {run_id}")
        return run_id

    def _started(self, task: "asyncio.Task[str]") -> None:
        self._starting.discard(task)
        if not task.cancelled():
            task.exception()  # whoever asked was told, or is no longer there

    async def _give_back(self, set_id: int) -> None:
        try:
            await self._xwrap.settle(set_id, "release")
        except XWrapError as error:
            _log.error("wallet set %d of a run that never was stays: %s", set_id, error.message)

    async def stop(self, run_id: str) -> None:
        """Ask a run to stop; one that does not is killed after a time."""
        run = self._runs.get(run_id)
        if run is None or not self._store.fields(run_id)["running"]:
            self._check_ours(run_id)
            return
        self._spawn(self._stop(run), f"stop {run_id}")

    async def pause(self, run_id: str) -> None:
        """Have a run hear nothing until it is resumed."""
        await self._ask(run_id, PAUSE)

    async def resume(self, run_id: str) -> None:
        """Let a run go on."""
        await self._ask(run_id, RESUME)

    async def post(self, run_id: str, component_id: str, value: object) -> Any:
        """Post to a component of a run and return what it holds now."""
        return await self._ask(run_id, COMPONENT_POST, component_id, value)

    async def delete(self, run_id: str) -> None:
        """Delete the files of a run that has ended.

        Raises
        ------
        ApiUsageError
            It goes on, or what it has left is still being dealt with.
        """
        fields = self._store.fields(run_id)
        run = self._runs.get(run_id)
        if run is not None and not fields["running"] and run.process is not None:
            await asyncio.shield(run.process.ended)  # it has said all, and is about to end
        elif (
            fields["state"] == "failed" and "settled" not in fields and self._store.is_ours(run_id)
        ):
            raise ApiUsageError(
                f"what run {run_id} has left is still being dealt with: try again later",
                field="run_id",
            )
        await asyncio.to_thread(self._store.delete, run_id)
        self._numbers.pop(run_id, None)

    async def _ask(self, run_id: str, method: str, *params: object) -> Any:
        run = self._runs.get(run_id)
        if run is None or not self._store.fields(run_id)["running"]:
            self._check_ours(run_id)
            raise ApiUsageError(f"run {run_id} has ended", field="run_id")
        link = await self._link(run)
        return await link.ask(method, *params)

    def _check_ours(self, run_id: str) -> None:
        if self._store.fields(run_id)["running"] and not self._store.is_ours(run_id):
            raise UsageError(
                f"run {run_id} was started from a command line and is steered from there",
                field="run_id",
            )

    async def _link(self, run: _Run) -> WorkerLink:
        try:
            async with asyncio.timeout(_LINK_S):
                while run.link is None:
                    await run.linked.wait()
                    if run.link is None and run.run_id not in self._runs:
                        raise ApiUsageError(f"run {run.run_id} has ended", field="run_id")
        except TimeoutError:
            raise Unavailable(f"run {run.run_id} does not answer yet: try again later") from None
        return run.link

    async def _stop(self, run: _Run) -> None:
        try:
            async with asyncio.timeout(self._settings.stop_s):
                try:
                    await (await self._link(run)).ask(STOP)
                except XWrapError as error:
                    _log.info("run %s: %s", run.run_id, error.message)
                if run.process is None:  # it was never found, and is given up
                    return
                await asyncio.shield(run.process.ended)
        except TimeoutError:
            if run.process is not None and not run.process.ended.done():
                run.forced = f"it did not stop within {self._settings.stop_s:g} s and was killed"
                run.process.kill()

    async def _find(self, run: _Run) -> None:
        """Find the process of a run that an earlier server has started."""
        deadline = time.monotonic() + _FOUND_S
        fields = RunDirectory.open(run.path).fields
        while fields.get("pid") is None and time.monotonic() < deadline:
            await asyncio.sleep(_LINK_POLL_S[1])
            fields = RunDirectory.open(run.path).fields
        pid, ticks = fields.get("pid"), fields.get("pid_started")
        if isinstance(pid, int) and isinstance(ticks, int):
            run.process = Process.open(pid, ticks)
        await self._watch(run)

    async def _watch(self, run: _Run) -> None:
        """Keep a run's link until its process has ended, then tidy up."""
        end = "its process has gone: it ended while no server was there"
        if run.process is not None:
            linking = asyncio.create_task(self._keep_linked(run))
            try:
                end = await asyncio.shield(run.process.ended)
            finally:
                linking.cancel()
                await asyncio.gather(linking, return_exceptions=True)
        self._runs.pop(run.run_id, None)
        run.link = None
        run.linked.set()  # whoever still waits learns that it has ended
        directory = RunDirectory.open(run.path)
        if directory.fields.get("state") not in ENDED:
            ended_at = datetime.now(UTC).isoformat()
            directory.update(state="failed", error=run.forced or end, ended_at=ended_at)
        self._tell(run)
        if directory.fields["state"] == "failed":
            await self._settle(run.path)

    async def _keep_linked(self, run: _Run) -> None:
        first_s, most_s = _LINK_POLL_S
        wait_s = first_s
        while True:
            try:
                link = await WorkerLink.connect(run.path, lambda call: self._hear(run, call))
            except OSError:
                await asyncio.sleep(wait_s)
                wait_s = min(most_s, wait_s * 1.5)
                continue
            wait_s = first_s
            run.link = link
            run.linked.set()
            try:
                await link.closed
            finally:
                run.link = None
                run.linked.clear()
                await link.close()

    async def _settle(self, path: Path) -> None:
        """Deal with the orders and funds of a run that failed, as the settings say."""
        directory = RunDirectory.open(path)
        try:
            set_id = Start.read(path).wallet_set_id
        except DataError:
            set_id = None
        if set_id is None:
            directory.update(settled="there was nothing to settle")
            return
        began = "source" in directory.fields
        policy = self._settings.on_death if began else "release"
        while True:
            try:
                settled = await self._xwrap.settle(set_id, policy)
                break
            except Unavailable as error:
                _log.warning("%s can't be settled yet: %s", path.name, error.message)
                await asyncio.sleep(_SETTLE_AGAIN_S)
            except XWrapError as error:
                settled = f"wallet set {set_id} was left as it is: {error.message}"
                break
        directory.update(settled=settled)
        self._tell_fields(path.name, settled=settled)

    def _hear(self, run: _Run, call: Call) -> None:
        if call.method == STATUS:
            run.status = msgspec.convert(call.params[0], RunStatus)
            self._tell(run)
        elif call.method == COMPONENT_CHANGED:
            self._emit("component", run.run_id, {"component": call.params[0]})

    def _tell(self, run: _Run) -> None:
        status = msgspec.to_builtins(run.status)
        fields = self._store.fields(run.run_id)
        if initial := fields.get("initial_equity"):  # what was won is told from both
            status["initial_equity"] = initial
        if run.run_id not in self._runs:  # its file has the last word
            status |= {"state": fields.get("state"), "error": fields.get("error")}
        self._tell_fields(run.run_id, **status)

    def _tell_fields(self, run_id: str, **fields: object) -> None:
        self._emit("run", run_id, fields)

    def _emit(self, event: str, run_id: str, params: dict[str, Any]) -> None:
        number = self._numbers[run_id] = self._numbers.get(run_id, 0) + 1
        self._publish(event, {"run_id": run_id, "seq": number, **params})

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("%s failed", task.get_name(), exc_info=error)


def _period(fields: Fields) -> dict[str, int]:
    """Return the bars that a backtest had, as a form names them: history may have grown since."""
    series = [row for row in fields.get("manifest", {}).get("data", []) if "start_s" in row]
    if not series:
        return {}
    return {
        "start": min(row["start_s"] for row in series),
        "end": max(row["end_s"] for row in series),
    }
