"""The files of a sweep: what it is, written first, and each outcome as it comes."""

import fcntl
import hashlib
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from cryptick.errors import UsageError
from cryptick.run_directory import RunDirectory
from cryptick.sweeps.trial import Job, Outcome, Trial

__all__ = ["Manifest", "SweepDirectory", "data_hash"]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What makes a sweep repeatable: with the same of all this it has the same results.

    Attributes
    ----------
    arguments : list of str
        The command line, without who runs it and how it is shown.
    period : tuple of int
        First and end of the bars, [start_s, end_s), seconds since 1970 UTC.
    trials : int
        How many there are to be; 0 in those of older versions.
    data_hash, code_hash : str
        Of candles, fees and fills, and of the strategy.
    versions : dict of str to str
        Of Cryptick and Python.
    """

    sweep_id: str
    arguments: list[str]
    strategy: str
    search: str
    searched: dict[str, str]
    fixed: dict[str, str]
    splits: list[dict[str, str | None]]
    objective: str
    seed: int
    period: tuple[int, int]
    data_hash: str
    code_hash: str
    versions: dict[str, str]
    started_at: str
    trials: int = 0


class SweepDirectory:
    """One sweep's directory, with ``sweep.json`` and ``results.jsonl``.

    Used as a context manager, it is written by one process at a time.

    Attributes
    ----------
    files : RunDirectory
    done : dict of Trial to Outcome
        What has been run, also before a resumption.
    """

    def __init__(self, files: RunDirectory) -> None:
        self.files = files
        self.done: dict[Trial, Outcome] = {}

    @classmethod
    def claim(cls, root: Path, strategy: str) -> Self:
        """Make the next free directory for a strategy."""
        return cls(RunDirectory.claim(root, strategy))

    @classmethod
    def find(cls, root: Path, sweep_id: str) -> tuple[Self, Manifest]:
        """Return a sweep that was begun before.

        Raises
        ------
        UsageError
            There is none of that name, or its manifest can't be read.
        """
        path = root / sweep_id
        try:
            manifest = msgspec.json.decode((path / "sweep.json").read_bytes(), type=Manifest)
        except OSError:
            known = sorted(one.parent.name for one in root.glob("*/sweep.json"))
            names = f"there are {', '.join(known[-8:])}" if known else "there are none"
            raise UsageError(f"{root} has no sweep {sweep_id!r}; {names}") from None
        except msgspec.DecodeError as error:
            raise UsageError(f"{path / 'sweep.json'} can't be read: {error}") from None
        return cls(RunDirectory(path)), manifest

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.files.path

    def __enter__(self) -> Self:
        """Read what was done, less a line that was cut off, and be ready to add to it."""
        path = self.path / "results.jsonl"
        self._file = path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise UsageError(f"the sweep {self.path.name} is running already") from None
        self._file.seek(0)
        content = self._file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._file.truncate(len(whole))
        decoder = msgspec.json.Decoder(Outcome)
        try:
            outcomes = [decoder.decode(line) for line in whole.splitlines()]
        except msgspec.DecodeError as error:
            self._file.close()
            raise UsageError(f"{path} can't be read: {error}") from None
        self.done = {outcome.trial: outcome for outcome in outcomes}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, outcome: Outcome) -> None:
        """Keep an outcome: it is in the file before this returns."""
        self._file.write(msgspec.json.encode(outcome) + b"\n")
        self._file.flush()
        self.done[outcome.trial] = outcome


def data_hash(job: Job) -> str:
    """Return a name of what the trials trade with: the same for the same bars, fees and fills."""
    digest = hashlib.sha256(f"{job.fills} {job.freq_s} {job.warm_up_s}".encode())
    for exchange in sorted(job.balances):
        fees = job.fees.of(exchange)
        digest.update(f" {exchange} {fees.maker:f} {fees.taker:f}".encode())
    for one in job.series:
        candles, instrument = one.candles, one.instrument
        increments = instrument.tick_size, instrument.lot_size, instrument.min_notional
        digits = candles.price_digits, candles.volume_digits, len(candles)
        digest.update(" ".join(map(str, (*one.market, *increments, *digits))).encode())
        prices = candles.open, candles.high, candles.low, candles.close
        for column in (candles.time, *prices, candles.volume):
            digest.update(column.tobytes())
    return digest.hexdigest()
