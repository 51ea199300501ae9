"""Who runs the tasks of a sweep: processes of this machine, or workers of a Dask cluster."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from types import TracebackType
from typing import Final, Protocol, Self

from cryptick.sweeps.trial import Job, Outcome, Runner, Task
from exchange_wrapper.errors import Unavailable

__all__ = ["LocalWorkers", "Workers"]

_AHEAD: Final = 4  # tasks per process that wait or run, so that none is idle


class Workers(Protocol):
    """Runs tasks, in whatever order suits it."""

    def run(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Yield the outcome of every task as it comes.

        Raises
        ------
        Unavailable
            The workers are gone.
        """
        ...


class LocalWorkers:
    """Processes of this machine, started clean; the job is sent to each once.

    Parameters
    ----------
    job : Job
    count : int
        How many processes, ≥ 1.
    """

    def __init__(self, job: Job, count: int) -> None:
        self._ahead = _AHEAD * count
        self._before = set(multiprocessing.active_children())
        self._pool = ProcessPoolExecutor(
            count, multiprocessing.get_context("spawn"), _begin, (job,)
        )
        # Processes start with the first task, and inherit that Ctrl-C is not for them.
        heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._pool.submit(os.getpid)
        finally:
            signal.signal(signal.SIGINT, heard)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:  # nobody waits for what is under way
            for process in set(multiprocessing.active_children()) - self._before:
                process.terminate()
        self._pool.shutdown(cancel_futures=True)

    def run(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Yield the outcome of every task as it comes; see `Workers.run`."""
        waiting = iter(tasks)
        under_way: set[Future[Outcome]] = set()
        try:
            while True:
                for task in islice(waiting, self._ahead - len(under_way)):
                    under_way.add(self._pool.submit(_run, task))
                if not under_way:
                    return
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        except BrokenProcessPool:
            raise Unavailable(
                "a worker process died; memory may be short, try fewer --workers"
            ) from None


_run_here: Callable[[Task], Outcome]


def _begin(job: Job) -> None:
    """Prepare a worker process."""
    global _run_here
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _run_here = Runner(job).run


def _run(task: Task) -> Outcome:
    return _run_here(task)


def _end_with_parent() -> None:
    """End when the parent is killed: the pool's own pipes would stay open for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
