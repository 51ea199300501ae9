"""The directories of sweeps, read: also of one that goes on."""

import re
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec

from cryptick.server.records import TablePage
from cryptick.sweeps.measures import Objective
from cryptick.sweeps.results import Choice, Results, WalkForward, csv_rows, make_results
from cryptick.sweeps.score_map import score_map
from cryptick.sweeps.splits import Split, Window
from cryptick.sweeps.store import Manifest
from cryptick.sweeps.tables import verdict, warnings
from cryptick.sweeps.trial import Outcome
from exchange_wrapper.errors import DataError, NoData, UnknownName
from exchange_wrapper.times import SECOND, from_iso

__all__ = ["HeatMap", "SweepDetail", "SweepRow", "SweepStore"]

_SWEEP_ID: Final = re.compile(r"\w{1,120}_\d{1,9}")  # nothing that leads out of the root

T = TypeVar("T")
SweepState = Literal["running", "finished", "interrupted"]


class SweepRow(msgspec.Struct, frozen=True, kw_only=True):
    """A sweep in a list.

    Attributes
    ----------
    search : str
        ``grid``, or how points are chosen, in words.
    searched, fixed : dict of str to str
        By flag: the values that are tried, and those of the other parameters that were given.
    period : (int, int)
        First and end of the bars, seconds since 1970 UTC.
    state : str
        An ``interrupted`` one can be resumed from the command line.
    done, trials : int
        How many trials were run, and how many there are to be; 0 where nobody noted it.
    """

    sweep_id: str
    strategy: str
    search: str
    objective: str
    searched: dict[str, str]
    fixed: dict[str, str]
    period: tuple[int, int]
    started_at: str
    state: SweepState
    done: int
    trials: int


class SweepDetail(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep has come to so far.

    Attributes
    ----------
    verdict : str
        The walk-forward result in a sentence.
    warnings : list of str
        What keeps the best of many from being taken for skill.
    points, failed : int
        How many points there are, and how many trials failed.
    splits : list of dict
        Begin and end of the parts, ISO 8601.
    """

    sweep: SweepRow
    seed: int
    splits: list[dict[str, str | None]]
    versions: dict[str, str]
    verdict: str
    warnings: list[str]
    walk_forward: WalkForward | None
    choices: list[Choice]
    points: int
    failed: int


class HeatMap(msgspec.Struct, frozen=True, kw_only=True):
    """The score by two parameters: ``cells[row][column]`` is None where there is none.

    Of more than two parameters it is the mean over the others.
    """

    objective: str
    out_of_sample: bool
    across: str
    down: str
    columns: list[str]
    rows: list[str]
    cells: list[list[float | None]]


class SweepStore:
    """All sweeps below one directory."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read: dict[str, tuple[int, Results]] = {}

    def all(self) -> list[SweepRow]:
        """Return the sweeps that can be read, the newest first."""
        found = []
        for file in self._root.glob("*/sweep.json"):
            try:
                found.append(self._row(self._manifest(file.parent.name)))
            except (DataError, UnknownName):
                continue
        return sorted(found, key=lambda one: one.started_at, reverse=True)

    def detail(self, sweep_id: str) -> SweepDetail:
        """Return what a sweep has come to.

        Raises
        ------
        UnknownName
            There is no such sweep.
        """
        manifest = self._manifest(sweep_id)
        results = self._results(manifest)
        return SweepDetail(
            sweep=self._row(manifest),
            seed=manifest.seed,
            splits=manifest.splits,
            versions=manifest.versions,
            verdict=verdict(results),
            warnings=warnings(results),
            walk_forward=results.walk_forward,
            choices=results.choices,
            points=len(results.points),
            failed=results.failed,
        )

    def points(self, sweep_id: str, offset: int, limit: int) -> TablePage:
        """Return the points that were tried, best first: parameters and figures."""
        results = self._results(self._manifest(sweep_id))
        columns, *rows = csv_rows(results)
        page = [[str(cell) for cell in row] for row in rows[offset : offset + limit]]
        return TablePage([str(name) for name in columns], offset, len(rows), page)

    def heat_map(self, sweep_id: str) -> HeatMap:
        """Return the score by two parameters.

        Raises
        ------
        NoData
            No two parameters have a score for several values each.
        """
        results = self._results(self._manifest(sweep_id))
        found = score_map(results)
        if found is None:
            raise NoData(
                f"sweep {sweep_id} has no map: it needs scores for several values of two parameters"
            )
        columns, rows = found.axes
        return HeatMap(
            objective=results.objective,
            out_of_sample=results.walk_forward is not None,
            across=found.across,
            down=found.down,
            columns=columns,
            rows=rows,
            cells=[[found.means.get((column, row)) for column in columns] for row in rows],
        )

    def page(self, sweep_id: str) -> bytes:
        """Return the page of a sweep that has come to its end.

        Raises
        ------
        NoData
            There is none yet.
        """
        try:
            return (self._path(sweep_id) / "sweep.html").read_bytes()
        except FileNotFoundError:
            raise NoData(f"sweep {sweep_id} has no page: it has not come to its end") from None

    def _path(self, sweep_id: str) -> Path:
        path = self._root / sweep_id
        if not _SWEEP_ID.fullmatch(sweep_id) or not (path / "sweep.json").is_file():
            raise UnknownName(f"there is no sweep {sweep_id!r}", field="sweep_id")
        return path

    def _manifest(self, sweep_id: str) -> Manifest:
        file = self._path(sweep_id) / "sweep.json"
        return _decode(file, file.read_bytes(), Manifest)

    def _row(self, manifest: Manifest) -> SweepRow:
        return SweepRow(
            sweep_id=manifest.sweep_id,
            strategy=manifest.strategy,
            search=manifest.search,
            objective=manifest.objective,
            searched=manifest.searched,
            fixed=manifest.fixed,
            period=manifest.period,
            started_at=manifest.started_at,
            state=self._state(manifest.sweep_id),
            done=self._results(manifest).trials,
            trials=manifest.trials,
        )

    def _state(self, sweep_id: str) -> SweepState:
        path = self._path(sweep_id)
        if _is_locked(path / "results.jsonl"):
            return "running"
        return "finished" if (path / "summary.json").is_file() else "interrupted"

    def _results(self, manifest: Manifest) -> Results:
        file = self._path(manifest.sweep_id) / "results.jsonl"
        content = file.read_bytes() if file.is_file() else b""
        whole = content[: content.rfind(b"\n") + 1]
        kept = self._read.get(manifest.sweep_id)
        if kept is None or kept[0] != len(whole):
            outcomes = [_decode(file, line, Outcome) for line in whole.splitlines()]
            splits = [_split(one) for one in manifest.splits]
            results = make_results(outcomes, splits, Objective(manifest.objective))
            kept = self._read[manifest.sweep_id] = len(whole), results
        return kept[1]


def _split(described: dict[str, str | None]) -> Split:
    in_sample, out_of_sample = (
        _window(described[f"{part}_start"], described[f"{part}_end"])
        for part in ("in_sample", "out_of_sample")
    )
    assert in_sample is not None
    return Split(in_sample, out_of_sample)


def _window(start: str | None, end: str | None) -> Window | None:
    if start is None or end is None:
        return None
    return Window(from_iso(start) // SECOND, from_iso(end) // SECOND)


def _is_locked(file: Path) -> bool:
    """Whether a process writes a file: asked without a lock, which could be in a sweep's way."""
    try:
        inode = file.stat().st_ino
        locks = Path("/proc/locks").read_text()
    except OSError:
        return False
    return re.search(rf"FLOCK .*:{inode} ", locks) is not None


def _decode(file: Path, content: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        raise DataError(f"{file.name} of {file.parent.name} can't be read: {error}") from None
