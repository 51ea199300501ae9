"""The process of one run of the server: ``python -m cryptick.worker RUN_DIRECTORY``.

It goes on when the server ends: all it needs is in its directory, and so is the socket by which
any later server finds it; see `cryptick.control`.
"""

import asyncio
import io
import os
import resource
import signal
import sys
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from decimal import Decimal
from pathlib import Path
from traceback import print_exc
from typing import Final

import msgspec

from cryptick.components import COMPONENT_CHANGED, COMPONENT_POST
from cryptick.control import (
    ENDED,
    LINE_MAX,
    PAUSE,
    RESUME,
    STATE,
    STATUS,
    STOP,
    RunStatus,
    socket_path,
    started_ticks,
)
from cryptick.hub import Hub
from cryptick.hub_port import HubPort
from cryptick.messages import (
    FILL,
    ORDER_UPDATE,
    Call,
    ErrorBody,
    Failure,
    Fill,
    Message,
    OrderUpdate,
    Result,
    decode,
    encode,
    payload,
)
from cryptick.paper import RunHandle
from cryptick.report import Summary
from cryptick.request import RunRequest
from cryptick.run_directory import RunDirectory
from cryptick.runner import Outcome, RunStopped, connect, open_history, run_backtest, run_on_xwrap
from cryptick.start_form import Limits, Start
from cryptick.strategy import find_strategy
from exchange_wrapper.client import XWrapClient
from exchange_wrapper.errors import ApiUsageError, XWrapError
from exchange_wrapper.numbers import LEDGER, format_amount
from exchange_wrapper.times import to_iso

__all__ = ["main"]

_SAMPLE_S: Final = 1.0
_CURVE_S: Final = 15.0
_CONNECT_S: Final = 10.0
_FAREWELL_S: Final = 2.0
_UNSENT_MAX: Final = 8 << 20  # bytes; a server that does not read is cut off, and comes again


def main(argv: Sequence[str] | None = None) -> int:
    """Carry a run out and return 0 if it did not fail, 2 if none is named."""
    arguments = sys.argv[1:] if argv is None else argv
    if len(arguments) != 1:
        print("cryptick.worker: it needs a run's directory; the server starts it", file=sys.stderr)
        return 2
    path = Path(arguments[0])
    directory = RunDirectory.open(path)
    pid = os.getpid()
    assert isinstance(sys.stdout, io.TextIOWrapper)
    sys.stdout.reconfigure(line_buffering=True)  # what the strategy prints is read as it comes
    directory.update(pid=pid, pid_started=started_ticks(pid))
    try:
        start = Start.read(path)
        _limit(start.limits)
        asyncio.run(_work(directory, start))
    except Exception as error:
        if directory.fields["state"] != "failed":
            with suppress(Exception), Outcome(directory):
                raise
        if not isinstance(error, XWrapError):
            print_exc()
        if _is_lack_of_memory(error):
            limit = f"its limit of {start.limits.memory_mb} MB"
            directory.update(
                error=f"the run needed more memory than {limit}: have it keep less, or raise "
                f"memory_mb in the server's settings ({error})"
            )
        return 1
    return 0


async def _work(directory: RunDirectory, start: Start) -> None:
    request = start.form.request(find_strategy(start.form.strategy))
    await _Worker(directory, start, request).run()
    directory.update(state="stopped")  # if it was stopped before it began


class _Worker:
    """One run and those who steer it."""

    def __init__(self, directory: RunDirectory, start: Start, request: RunRequest) -> None:
        self._directory = directory
        self._start = start
        self._request = request
        self._loop = asyncio.get_running_loop()
        self._status = RunStatus("starting")
        self._writers: set[asyncio.StreamWriter] = set()
        self._conversations: set[asyncio.Task[object]] = set()
        self._orders: set[str] = set()  # those that are not done
        self._steered: _OnXWrap | _Backtest
        self._steered = (_Backtest if request.mode == "backtest" else _OnXWrap)(self)

    async def run(self) -> None:
        """Run to the end."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._stop)
        with socket_path(self._directory.path) as path:
            server = await asyncio.start_unix_server(self._converse, path, limit=LINE_MAX)
        sampling = asyncio.create_task(self._sample())
        try:
            summary = await self._steered.run()
            if summary is not None:
                self.note(
                    orders=summary.orders,
                    trades=summary.trades,
                    equity=summary.final_equity,
                    currency=summary.currency,
                    fees_paid=summary.fees_paid,
                )
        finally:
            sampling.cancel()
            server.close()
            self.note(state=self._directory.fields["state"])
            self.tell_sampled()
            for writer in self._writers:
                writer.close()
            if self._conversations:  # they hear the last word, and end by themselves
                await asyncio.wait(self._conversations, timeout=_FAREWELL_S)

    @property
    def request(self) -> RunRequest:
        """What is run."""
        return self._request

    @property
    def start(self) -> Start:
        """What it was started with."""
        return self._start

    @property
    def directory(self) -> RunDirectory:
        """Where it is kept."""
        return self._directory

    def listen(self, hub: Hub) -> HubPort:
        """Connect a hub with those outside, and count what it does."""
        hub.on(ORDER_UPDATE, self._count_order)
        hub.on(FILL, self._count_fill)
        return HubPort(hub, self.send, accepts=(COMPONENT_POST,), hears=(COMPONENT_CHANGED,))

    def set_state(self, state: str) -> None:
        """Note a state and tell it."""
        self.note(state=state)
        self._directory.update(state=state)
        self.tell()

    def note(self, **changed: object) -> None:
        """Change the status; it is told with the next sample."""
        self._status = msgspec.structs.replace(self._status, **changed)

    def tell(self) -> None:
        """Tell the status."""
        self.send(encode(Call(STATUS, (self._status,))).decode())

    @property
    def state(self) -> str:
        """The present state."""
        return self._status.state

    def _count_order(self, message: Message) -> None:
        update: OrderUpdate = payload(message)
        if update.is_done:
            self._orders.discard(update.client_oid)
        elif update.client_oid in self._orders:
            return
        else:
            self._orders.add(update.client_oid)
            self.note(orders=self._status.orders + 1)

    def _count_fill(self, message: Message) -> None:
        fill: Fill = payload(message)
        currency, paid = fill.pair.partition("_")[2], self._status.fees_paid
        fee = LEDGER.add(Decimal(paid.get(currency, "0")), fill.fee)
        self.note(trades=self._status.trades + 1, fees_paid={**paid, currency: format_amount(fee)})

    async def _sample(self) -> None:
        told = self._status
        while True:
            await asyncio.sleep(_SAMPLE_S)
            self._steered.sample()
            if self._status != told and self._directory.fields["state"] not in ENDED:
                told = self._status
                self.tell_sampled()

    def tell_sampled(self) -> None:
        """Tell the status, and keep it."""
        status = self._status
        self._directory.update(
            orders=status.orders,
            trades=status.trades,
            equity=status.equity,
            currency=status.currency,
            progress=status.progress,
            fees_paid=status.fees_paid,
            detail=status.detail,
        )
        self.tell()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._conversations.add(task)
        task.add_done_callback(self._conversations.discard)
        self._writers.add(writer)
        self.tell()
        try:
            while line := await reader.readline():
                self._receive(line)
        except (OSError, ValueError):  # it went away, or a line had no end
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def _receive(self, line: bytes) -> None:
        try:
            message = decode(line)
        except XWrapError:
            message = None
        if not isinstance(message, Call) or message.method not in _STEERING:
            self._steered.post(line)
            return
        answer: Message | None = None
        response = message.response_method
        try:
            self._steer(message.method)
        except XWrapError as error:
            if response is not None:
                answer = Failure(response, ErrorBody.of(error))
        else:
            if response is not None:
                answer = Result(response, self._status)
        if answer is not None:
            self.send(encode(answer).decode())

    def _steer(self, method: str) -> None:
        state = self.state
        if method == STOP:
            self._stop()
        elif method == PAUSE and state != "paused":
            if state != "running":
                raise ApiUsageError(f"the run is {state}: only one that is running can be paused")
            self._steered.pause()
            self.set_state("paused")
        elif method == RESUME and state != "running":
            if state != "paused":
                raise ApiUsageError(f"the run is {state}: only one that is paused can go on")
            self.set_state("running")
            self._steered.resume()

    def _stop(self) -> None:
        if self.state in ENDED or self.state == "stopping":
            return
        self.set_state("stopping")
        self._steered.stop()

    def send(self, text: str) -> None:
        """Send a message to all who are connected, from any thread."""
        if threading.current_thread() is threading.main_thread():
            self._write(text)
        else:
            self._loop.call_soon_threadsafe(self._write, text)

    def _write(self, text: str) -> None:
        line = text.encode() + b"\n"
        for writer in tuple(self._writers):
            if writer.transport.get_write_buffer_size() > _UNSENT_MAX:
                writer.transport.abort()
            else:
                writer.write(line)


_STEERING: Final = frozenset({STOP, PAUSE, RESUME, STATE})


class _OnXWrap:
    """A run on paper or live: everything happens in the event loop."""

    def __init__(self, worker: _Worker) -> None:
        self._worker = worker
        self._stopping = asyncio.Event()
        self._handle: RunHandle | None = None
        self._next_point = 0.0

    async def run(self) -> Summary | None:
        worker = self._worker
        start, directory = worker.start, worker.directory
        name = f"cryptick {directory.run_id}"
        async with await connect(start.xwrap, name, _CONNECT_S) as client:
            try:
                return await run_on_xwrap(
                    worker.request,
                    client,
                    lambda: directory,
                    self._stopping,
                    lambda line: None,
                    wallet_set_id=start.wallet_set_id,
                    attach=self._attach,
                    away_s=start.away_s,
                    tell_away=self._tell_away,
                )
            except XWrapError:
                if self._handle is None:  # it has not traded yet
                    await _release(client, start.wallet_set_id)
                raise

    def pause(self) -> None:
        if self._handle is not None:
            self._handle.pause()

    def resume(self) -> None:
        if self._handle is not None:
            self._handle.resume()

    def stop(self) -> None:
        self.resume()
        self._stopping.set()

    def post(self, line: bytes) -> None:
        if self._handle is not None:
            self._handle.post(line.decode(errors="replace"))

    def sample(self) -> None:
        handle = self._handle
        if handle is None or self._worker.state not in ("running", "paused"):
            return
        try:
            venue = handle.run.venue
            equity = format_amount(handle.plan.equity(venue.holdings(), venue.bid))
        except XWrapError:  # a price is not known yet
            return
        self._worker.note(equity=equity, currency=handle.plan.currency)
        now = asyncio.get_running_loop().time()
        if now >= self._next_point:
            self._next_point = now + _CURVE_S
            path = self._worker.directory.path / "equity.csv"
            head = "" if path.exists() else "time,equity\n"
            with path.open("a", encoding="utf-8") as file:
                file.write(f"{head}{to_iso(handle.run.clock.now())},{equity}\n")

    def _tell_away(self, words: str | None) -> None:
        self._worker.note(detail=words)
        self._worker.tell_sampled()

    def _attach(self, handle: RunHandle) -> None:
        self._handle = handle
        self._worker.listen(handle.run.hub)
        handle.run.tell_user = self._worker.send
        self._worker.set_state("running")


class _Backtest:
    """A backtest in a thread of its own, which looks between events what it is told to do."""

    def __init__(self, worker: _Worker) -> None:
        self._worker = worker
        self._posts: deque[bytes] = deque(maxlen=1000)
        self._paused = self._stopped = False
        self._told = threading.Event()
        self._port: HubPort | None = None
        self._progress: float | None = None

    async def run(self) -> Summary | None:
        return await asyncio.to_thread(self._run)

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        self._told.set()

    def stop(self) -> None:
        self._stopped = True
        self._told.set()

    def post(self, line: bytes) -> None:
        self._posts.append(line)
        self._told.set()

    def sample(self) -> None:
        if self._progress is not None:
            self._worker.note(progress=self._progress)

    def _run(self) -> Summary | None:
        worker = self._worker
        with ExitStack() as stack:
            source, place = open_history(worker.start.store, worker.start.xwrap, stack)
            with suppress(RunStopped):  # a task can't end by it
                return run_backtest(
                    worker.request,
                    source,
                    place,
                    lambda: worker.directory,
                    warn=self._warn,
                    progress=self._between,
                    attach=self._attach,
                )
        return None

    def _warn(self, words: str) -> None:
        with (self._worker.directory.path / "process.log").open("a", encoding="utf-8") as file:
            file.write(f"{words}\n")

    def _attach(self, hub: Hub) -> None:
        self._port = self._worker.listen(hub)
        self._worker.set_state("running")

    def _between(self, done: int, total: int) -> None:
        """Do what was asked for, between two events."""
        self._progress = round(done / total, 4) if total else None
        assert self._port is not None
        while True:
            self._told.clear()
            while self._posts:
                self._port.receive(self._posts.popleft())
            if self._stopped:
                raise RunStopped
            if not self._paused:
                return
            self._told.wait()


async def _release(client: XWrapClient, wallet_set_id: int | None) -> None:
    if wallet_set_id is not None:
        with suppress(XWrapError):  # then the server does
            await client.deactivate_wallet_set(wallet_set_id)


def _limit(limits: Limits) -> None:
    os.nice(limits.nice)
    for kind, limit in (
        (resource.RLIMIT_AS, limits.memory_mb and limits.memory_mb << 20),
        (resource.RLIMIT_CPU, limits.cpu_s),
    ):
        if limit is not None:
            # The hard limit stays, so that a run that needed too much can still say so.
            resource.setrlimit(kind, (limit, resource.getrlimit(kind)[1]))


def _is_lack_of_memory(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, MemoryError):
        error = error.__cause__
    return error is not None


if __name__ == "__main__":
    sys.exit(main())
