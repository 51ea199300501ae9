"""The tasks of a sweep on a Dask cluster."""

from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from itertools import islice
from types import TracebackType
from typing import Any, Final, Self

from distributed import Client, Worker, WorkerPlugin, as_completed, get_worker
from distributed.scheduler import KilledWorker

from cryptick.sweeps.trial import Job, Outcome, Runner, Task
from exchange_wrapper.errors import Unavailable

__all__ = ["DaskWorkers"]

_CONNECT_S: Final = 10
_AHEAD_MIN: Final = 64  # workers that join later find something to do
_AHEAD_PER_THREAD: Final = 4


class DaskWorkers:
    """Workers of a Dask cluster, which may join and leave at any time.

    The job goes to each worker once, also to those that join later, and stays with the scheduler,
    so that no worker is needed for its data. A task of a worker that leaves is run by another.

    Parameters
    ----------
    job : Job
    address : str
        Of the scheduler, such as ``tcp://127.0.0.1:8786``.

    Raises
    ------
    Unavailable
        The scheduler can't be reached.
    """

    def __init__(self, job: Job, address: str) -> None:
        self._job = job
        self._address = address
        try:
            self._client: Any = Client(address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise Unavailable(f"no Dask scheduler answers at {address}: {error}") from None
        try:
            self._client.register_plugin(_Loaded(job), name=job.key)
        except BaseException:
            self._client.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._client.unregister_worker_plugin(self._job.key)
        except (OSError, CancelledError):
            pass  # the scheduler is gone, and its plugins with it
        finally:
            self._client.close()  # also cancels what is under way

    def run(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Yield the outcome of every task as it comes; see `Workers.run`."""
        waiting = iter(tasks)
        try:
            first = self._submit(waiting, self._ahead())
            results = as_completed(first, loop=self._client.loop)
            for future in results:
                yield future.result()
                for following in self._submit(waiting, self._ahead() - results.count()):
                    results.add(following)
        except KilledWorker as error:
            raise Unavailable(f"a task ended every Dask worker that ran it: {error}") from None
        except (OSError, CancelledError):
            raise Unavailable(f"the Dask scheduler at {self._address} is gone") from None

    def _submit(self, tasks: Iterator[Task], most: int) -> list[Any]:
        key = self._job.key
        return [
            self._client.submit(_run, key, task, key=f"{key}-{task.number}-{task.split}")
            for task in islice(tasks, max(most, 0))
        ]

    def _ahead(self) -> int:
        """Return how many tasks the cluster should have, as far as is known without asking."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        threads: int = sum(one["nthreads"] for one in workers)
        return max(_AHEAD_MIN, _AHEAD_PER_THREAD * threads)


class _Loaded(WorkerPlugin):
    """Keeps a sweep's job ready in a worker."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def setup(self, worker: Worker) -> None:
        self.runner = Runner(self._job)

    def teardown(self, worker: Worker) -> None:
        self.runner.close()


def _run(key: str, task: Task) -> Outcome:
    plugin: Any = get_worker().plugins[key]
    outcome: Outcome = plugin.runner.run(task)
    return outcome
