"""Runs that are over, read from their directories."""

import csv
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np

from cryptick.errors import UsageError
from cryptick.metrics import FloatArray, IntArray
from cryptick.report.summary import SCHEMA, Summary
from exchange_wrapper.times import SECOND, from_iso

__all__ = ["PastRun"]


@dataclass(frozen=True)
class PastRun:
    """A finished run.

    Attributes
    ----------
    run : dict
        What ``run.json`` says.
    """

    run_id: str
    path: Path
    run: dict[str, Any]

    @classmethod
    def open(cls, root: Path, run_id: str, *, with_result: bool = True) -> Self:
        """Find a run.

        Parameters
        ----------
        with_result : bool
            Whether it must have come to its end; otherwise it may have failed, or go on.

        Raises
        ------
        UsageError
            There is none of that id, it is not over, or it failed.
        """
        known = sorted(file.parent.name for file in root.glob("*/run.json"))
        if run_id not in known:
            near = get_close_matches(run_id, known, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else f"runs there: {len(known)}"
            raise UsageError(f"no run {run_id!r} in {root}; {hint}")
        path = root / run_id
        try:
            run = msgspec.json.decode((path / "run.json").read_bytes(), type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise UsageError(f"{path / 'run.json'} is damaged: {error}") from None
        state = run.get("state")
        if not with_result:
            return cls(run_id, path, run)
        if state == "failed":
            raise UsageError(f"run {run_id} failed ({run.get('error')}): it has no result")
        if state != "stopped":
            raise UsageError(f"run {run_id} is {state}: wait for its end")
        return cls(run_id, path, run)

    def summary(self) -> Summary:
        """Return its summary.

        Raises
        ------
        UsageError
            It is missing, damaged or of another version.
        """
        file = self.path / "summary.json"
        try:
            content = msgspec.json.decode(file.read_bytes())
            if not isinstance(content, dict) or content.get("schema") != SCHEMA:
                raise UsageError(f"{file} was written by another version: run it again")
            return msgspec.convert(content, Summary)
        except OSError as error:
            raise UsageError(f"{file} can't be read: {error.strerror}") from None
        except msgspec.MsgspecError as error:
            raise UsageError(f"{file} is damaged: {error}") from None

    def curve(self) -> tuple[IntArray, FloatArray]:
        """Return the times, in s, and the equity of the thinned curve.

        Raises
        ------
        UsageError
            ``equity.csv`` is missing or damaged.
        """
        file = self.path / "equity.csv"
        try:
            with file.open(encoding="utf-8", newline="") as lines:
                rows = [(row["time"], row["equity"]) for row in csv.DictReader(lines)]
            time = np.array([from_iso(time) // SECOND for time, _ in rows], np.int64)
            return time, np.array([float(value) for _, value in rows])
        except OSError as error:
            raise UsageError(f"{file} can't be read: {error.strerror}") from None
        except (KeyError, TypeError, ValueError):
            raise UsageError(f"{file} is damaged") from None
