"""What a sweep came to: each point over all splits, and what was chosen in each split."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, pstdev

import msgspec

from cryptick.sweeps.measures import Measures, Objective, deflated_sharpe, score
from cryptick.sweeps.splits import Split
from cryptick.sweeps.trial import Outcome
from exchange_wrapper.times import SECOND, UtcNs, to_iso

__all__ = ["Choice", "PointResult", "Results", "WalkForward", "csv_rows", "make_results"]


class PointResult(msgspec.Struct, frozen=True):
    """A point over the splits that it was tried in.

    Attributes
    ----------
    score : float or None
        Mean of the objective, out-of-sample where there is such a part; None if no part has one.
    spread, worst : float or None
        Standard deviation and lowest of it over the splits.
    in_sample : float or None
        Mean of the objective where parameters are chosen.
    parts : int
        Splits that have a score.
    total_return : float or None
        Mean over the same parts as the score.
    """

    point: dict[str, str]
    score: float | None
    spread: float | None
    worst: float | None
    in_sample: float | None
    total_return: float | None
    max_drawdown: float | None
    trades: int
    parts: int
    error: str | None


class Choice(msgspec.Struct, frozen=True):
    """The point that was best in-sample of one split, and what it then did.

    Attributes
    ----------
    skill : float or None
        The deflated Sharpe ratio of the choice: how likely it is more than the luck of many.
    """

    split: int
    in_sample_from: str
    in_sample_to: str
    out_of_sample_to: str | None
    point: dict[str, str] | None
    in_sample: Measures | None
    out_of_sample: Measures | None
    skill: float | None


class WalkForward(msgspec.Struct, frozen=True):
    """What choosing in-sample and going on with the choice was worth, out-of-sample.

    Attributes
    ----------
    total_return : float
        Of all out-of-sample parts in a row; what changing parameters between them costs is in it,
        as every part begins from cash.
    max_drawdown : float
        The deepest within one part.
    in_sample, out_of_sample : float or None
        Mean of the objective over the splits.
    """

    total_return: float
    max_drawdown: float
    in_sample: float | None
    out_of_sample: float | None
    parts: int


class Results(msgspec.Struct, frozen=True):
    """Everything a sweep reports; points best first, those with scores in fewer splits last."""

    objective: Objective
    points: list[PointResult]
    choices: list[Choice]
    walk_forward: WalkForward | None
    trials: int
    failed: int


def make_results(
    outcomes: Iterable[Outcome], splits: Sequence[Split], objective: Objective
) -> Results:
    """Put outcomes together, whatever their order."""
    ordered = sorted(outcomes, key=lambda one: one.trial)
    by_point: dict[tuple[tuple[str, str], ...], list[Outcome]] = defaultdict(list)
    by_split: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in ordered:
        by_point[tuple(outcome.point.items())].append(outcome)
        by_split[outcome.split].append(outcome)
    points = [_point_result(found, objective) for found in by_point.values()]
    # Means over different splits can't be compared: those over the most come first.
    points.sort(key=lambda one: (-one.parts, -(one.score or 0.0)))
    choices = [
        _choice(index, split, by_split[index], objective) for index, split in enumerate(splits)
    ]
    return Results(
        objective,
        points,
        choices,
        _walk_forward(choices, objective),
        len(ordered),
        sum(one.error is not None for one in ordered),
    )


def _point_result(found: Sequence[Outcome], objective: Objective) -> PointResult:
    unique: dict[int, Outcome] = {}
    for one in found:  # a study may come back to a point; its first outcome has both parts
        unique.setdefault(one.split, one)
    judged = [
        m for m in (one.out_of_sample or one.in_sample for one in unique.values()) if m is not None
    ]
    scores = _scores(judged, objective)
    chosen = _scores((one.in_sample for one in unique.values()), objective)
    errors = [one.error for one in unique.values() if one.error is not None]
    return PointResult(
        found[0].point,
        fmean(scores) if scores else None,
        pstdev(scores) if scores else None,
        min(scores, default=None),
        fmean(chosen) if chosen else None,
        fmean(one.total_return for one in judged) if judged else None,
        max((one.max_drawdown for one in judged), default=None),
        sum(one.trades for one in judged),
        len(scores),
        errors[0] if errors else None,
    )


def _choice(index: int, split: Split, tried: Sequence[Outcome], objective: Objective) -> Choice:
    best: Outcome | None = None
    best_score: float | None = None
    for one in tried:  # of equals the first, which is so for every order of finishing
        value = score(one.in_sample, objective)
        if value is not None and (best_score is None or value > best_score):
            best, best_score = one, value
    measures = {tuple(one.point.items()): one.in_sample for one in tried}
    others = [one for one in measures.values() if one is not None]
    part, judged = split.in_sample, split.out_of_sample
    chosen = None if best is None else best.in_sample
    return Choice(
        index + 1,
        _iso(part.start_s),
        _iso(part.end_s),
        None if judged is None else _iso(judged.end_s),
        None if best is None else best.point,
        chosen,
        None if best is None else best.out_of_sample,
        None if chosen is None else deflated_sharpe(chosen, others),
    )


def _walk_forward(choices: Sequence[Choice], objective: Objective) -> WalkForward | None:
    judged = [one.out_of_sample for one in choices if one.out_of_sample is not None]
    if not judged:
        return None
    grown = 1.0
    for one in judged:
        grown *= 1.0 + one.total_return
    before = _scores((one.in_sample for one in choices), objective)
    after = _scores(judged, objective)
    return WalkForward(
        grown - 1.0,
        max(one.max_drawdown for one in judged),
        fmean(before) if before else None,
        fmean(after) if after else None,
        len(judged),
    )


def _scores(measures: Iterable[Measures | None], objective: Objective) -> list[float]:
    return [value for one in measures if (value := score(one, objective)) is not None]


def _iso(time_s: int) -> str:
    return to_iso(UtcNs(time_s * SECOND))


def csv_rows(results: Results) -> Iterable[list[object]]:
    """Yield the cells of ``results.csv``, the names of the columns first."""
    searched: Mapping[str, str] = results.points[0].point if results.points else {}
    figures = [name for name in PointResult.__struct_fields__ if name != "point"]
    yield [*searched, *figures]
    for one in results.points:
        cells = (getattr(one, name) for name in figures)
        yield [*one.point.values(), *("" if cell is None else cell for cell in cells)]
