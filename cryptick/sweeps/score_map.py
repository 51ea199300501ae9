"""The score of a sweep over two of its parameters, as a map is drawn of it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from statistics import fmean

from cryptick.sweeps.results import PointResult, Results

__all__ = ["Means", "ScoreMap", "are_numbers", "score_map"]

Means = dict[tuple[str, str], float]
"""Scores by the values across and down."""


@dataclass(frozen=True)
class ScoreMap:
    """Scores by two parameters.

    Attributes
    ----------
    across, down : str
        The parameters, by flag.
    axes : (list of str, list of str)
        The values of each, ascending.
    means : dict of (str, str) to float
        Mean score over all other parameters; pairs that were not run are missing.
    searched : int
        How many parameters there were.
    """

    across: str
    down: str
    axes: tuple[list[str], list[str]]
    means: Means
    searched: int


def score_map(results: Results) -> ScoreMap | None:
    """Return the scores by the first two parameters that vary, None without two.

    Only points with a score in the same splits are comparable; a study's are not, but for its best.
    """
    most = max((one.parts for one in results.points), default=0)
    scored = [one for one in results.points if one.score is not None and one.parts == most]
    values: dict[str, set[str]] = defaultdict(set)
    for one in results.points:
        for flag, text in one.point.items():
            values[flag].add(text)
    varied = [flag for flag, texts in values.items() if len(texts) > 1][:2]
    if len(varied) < 2 or 2 * len(scored) < len(results.points):
        return None
    across, down = sorted(varied, key=lambda flag: len(values[flag]))
    cells: dict[tuple[str, str], list[PointResult]] = defaultdict(list)
    for one in scored:
        cells[one.point[across], one.point[down]].append(one)
    means = {place: fmean(one.score or 0.0 for one in found) for place, found in cells.items()}
    axes = _ascending(values[across]), _ascending(values[down])
    return ScoreMap(across, down, axes, means, len(values))


def are_numbers(texts: Iterable[str]) -> bool:
    """Whether all texts are finite numbers."""
    try:
        return all(Decimal(text).is_finite() for text in texts)
    except InvalidOperation:
        return False


def _ascending(texts: set[str]) -> list[str]:
    return sorted(texts, key=Decimal) if are_numbers(texts) else sorted(texts)
