"""Run a strategy again on a run's inputs, and compare each message of its hub with the record."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import msgspec

from cryptick.audit import AuditLog
from cryptick.driven_run import DrivenRun
from cryptick.inputs import Input, RunHeader, source_of
from cryptick.messages import CANCEL, FILL, ORDER, ORDER_UPDATE
from cryptick.strategy.base import Strategy
from cryptick.told import Difference
from exchange_wrapper.errors import DataError

__all__ = ["MESSAGES", "RunReplay"]

MESSAGES: Final = "messages.jsonl"

_COUNTED: Final = {
    ORDER: "orders decided",
    CANCEL: "cancellations decided",
    ORDER_UPDATE: "order updates heard",
    FILL: "fills heard",
}
_SHOWN_MAX: Final = 400  # characters of a message


class RunReplay:
    """Compare a run with its replay.

    Parameters
    ----------
    header : RunHeader
    strategy : type of Strategy
        As it is now.
    params : Strategy.Params
    messages : Path
        The run's audit log.
    whole : bool
        Whether inputs and messages were written to the end. Of a run that was killed either may go
        further: what both have is compared.

    Attributes
    ----------
    problem : str
        How the strategy failed in the replay; empty where it did not.
    left : int
        Messages on record that were not compared, as their inputs are lost.

    counts : Counter
        How many messages were compared, by what they are.
    difference : Difference or None
        The first one.
    """

    def __init__(
        self,
        header: RunHeader,
        strategy: type[Strategy],
        params: Strategy.Params,
        messages: Path,
        whole: bool = True,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.difference: Difference | None = None
        self._header = header
        self._strategy = strategy
        self._params = params
        self._messages = messages
        self._whole = whole
        self.problem = ""
        self.left = 0

    def run(self, inputs: Iterable[Input], scratch: Path) -> None:
        """Run on the inputs and compare.

        Parameters
        ----------
        scratch : Path
            An empty directory for what the replay writes.
        """
        path = scratch / MESSAGES
        with AuditLog(path, flush=False) as audit:
            run = DrivenRun(
                self._header, self._strategy, self._params, audit, scratch / "components"
            )
            with run.components:
                for input in inputs:
                    try:
                        run.receive(input)
                    except Exception as error:  # a run goes on to cancel its orders, so does this
                        self.problem = self.problem or f"{type(error).__name__}: {error}"
                    run.take_requests()
        pairs = zip_longest(_lines(self._messages, self._whole), _lines(path))
        for number, (told, found) in enumerate(pairs, 1):
            if not self._whole and (told is None or found is None):
                self.left = sum(one is not None for one, _ in pairs) + (told is not None)
                break
            if told != found:
                self._differs(number, told, found)
                break
            assert told is not None
            self.counts["messages"] += 1
            kind = _COUNTED.get(_read(told).get("message", {}).get("method", ""))
            if kind is not None:
                self.counts[kind] += 1

    def _differs(self, number: int, told: bytes | None, found: bytes | None) -> None:
        expected, got = (None if line is None else _read(line) for line in (told, found))
        either = expected or got or {}
        method = either.get("message", {}).get("method", "message")
        self.difference = Difference(
            {ORDER: "order decided", CANCEL: "cancellation decided"}.get(method, "message"),
            f"message {either.get('sequence', number)} ({method}), caused by {_cause(either)}",
            str(either.get("time", "")),
            _shown(expected),
            _shown(got),
            self._why(),
        )

    def _why(self) -> str:
        if source_of(self._strategy)[1] != self._header.source_hash:
            return f"the strategy's code in {self._header.source} has changed since the run"
        if self.problem:
            return (
                f"the replay can't go on as the run did ({self.problem}): an input is missing or "
                "was altered"
            )
        return "the record lacks an input or a message, or one was altered"


def _lines(path: Path, whole: bool = True) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            if whole or line.endswith(b"\n"):
                yield line.rstrip(b"\n")


def _read(line: bytes) -> dict[str, Any]:
    try:
        record = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return {}
    if not isinstance(record, dict):
        raise DataError("the audit log has a line that is no record")
    return record


def _cause(record: dict[str, Any]) -> str:
    cause = record.get("cause")
    if isinstance(cause, dict):
        return f"{cause['method']} of {cause['pair']} on {cause['exchange']} at {cause['time']}"
    return "the runner" if cause is None else f"message {cause}"


def _shown(record: dict[str, Any] | None) -> str:
    if record is None:
        return "no more messages"
    text = msgspec.json.encode(record.get("message", record)).decode()
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…"
