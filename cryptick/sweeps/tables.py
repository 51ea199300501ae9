"""A sweep's results in words and tables, for the terminal and the page."""

from collections.abc import Callable, Sequence

from cryptick.sweeps.measures import Objective, score
from cryptick.sweeps.page import Table
from cryptick.sweeps.results import Choice, PointResult, Results
from cryptick.sweeps.space import label

__all__ = ["choices_table", "points_table", "verdict", "warnings"]


def warnings(results: Results) -> list[str]:
    """Return what keeps the best of many from being taken for skill."""
    points = len(results.points)
    if results.walk_forward is None:
        said = [
            f"No walk-forward: these are the best of {points:,} points on the very data that chose "
            "them, and say nothing about other times."
        ]
    else:
        said = [
            f"The first row of the table is the best of {points:,} points in hindsight. What "
            "choosing and going on was worth is the walk-forward result."
        ]
    skills = [one.skill for one in results.choices if one.skill is not None]
    if skills:
        said.append(
            f"The deflated Sharpe ratio of what was chosen in-sample is {min(skills):.0%}"
            + (f" to {max(skills):.0%}" if len(skills) > 1 else "")
            + ": below 95 % a choice is no better than the luckiest of so many."
        )
    most = max((one.parts for one in results.points), default=0)
    partly = sum(one.parts < most for one in results.points)
    if partly:
        said.append(
            f"{partly:,} points have a result in fewer splits than others and come after them: "
            "means over different splits can't be compared."
        )
    if results.failed:
        example = next((one.error for one in results.points if one.error), "")
        said.append(f"{results.failed:,} of {results.trials:,} trials failed, such as: {example}")
    return said


def verdict(results: Results) -> str:
    """Return the walk-forward result in one line, or that there is none."""
    found = results.walk_forward
    if found is None:
        return "no result out-of-sample"
    name = results.objective
    return (
        f"walk-forward, {found.parts} parts out-of-sample: return {found.total_return:+.2%}, max "
        f"drawdown {found.max_drawdown:.2%}, mean {name} {_figure(name, found.out_of_sample)} "
        f"(in-sample {_figure(name, found.in_sample)})"
    )


def choices_table(results: Results) -> Table:
    """Return what was chosen in each split."""
    name = results.objective
    columns = ["split", "chosen until", "chosen", f"{name} in", "out", "return out"]
    if results.walk_forward is None:
        columns = ["split", "chosen until", "chosen", f"{name} in", "return", "trades"]
    rows = [_choice_row(one, results) for one in results.choices]
    heading = "chosen in-sample" if results.walk_forward is None else "walk-forward choices"
    return heading, [*columns, "deflated"], rows


def points_table(results: Results, most: int) -> Table:
    """Return the best points."""
    name = results.objective
    searched = list(results.points[0].point) if results.points else []
    figures = _figures(results)
    rows = [
        [*one.point.values(), *(figure(one) for figure in figures.values())]
        for one in results.points[:most]
    ]
    hidden = len(results.points) - len(rows)
    where = "in-sample" if results.walk_forward is None else "out-of-sample, mean over the splits"
    more = f"; {hidden:,} more in results.csv" if hidden > 0 else ""
    return f"best by {name} {where}{more}", [*searched, *figures], rows


def _choice_row(one: Choice, results: Results) -> Sequence[str]:
    name = results.objective
    chosen = "none has a score" if one.point is None else label(one.point)
    after = one.out_of_sample if results.walk_forward else one.in_sample
    middle = [_measured(name, one, inside=True)]
    if results.walk_forward:
        middle.append(_measured(name, one, inside=False))
    middle.append("–" if after is None else f"{after.total_return:+.2%}")
    if results.walk_forward is None:
        middle.append("–" if after is None else f"{after.trades:,}")
    skill = "–" if one.skill is None else f"{one.skill:.0%}"
    return [str(one.split), one.in_sample_to[:10], chosen, *middle, skill]


def _measured(name: Objective, one: Choice, *, inside: bool) -> str:
    return _figure(name, score(one.in_sample if inside else one.out_of_sample, name))


def _figures(results: Results) -> dict[str, Callable[[PointResult], str]]:
    """Return what is told of a point, by the name of its column; nothing is told twice."""
    name = results.objective
    told: dict[str, Callable[[PointResult], str]] = {name: lambda one: _figure(name, one.score)}
    if results.walk_forward:
        told["±"] = lambda one: _figure(name, one.spread)
        told["worst"] = lambda one: _figure(name, one.worst)
        told["in-sample"] = lambda one: _figure(name, one.in_sample)
    if name is not Objective.RETURN:
        told["return"] = lambda one: _figure(Objective.RETURN, one.total_return)
    told["drawdown"] = lambda one: "–" if one.max_drawdown is None else f"{one.max_drawdown:.2%}"
    told["trades"] = lambda one: f"{one.trades:,}"
    told["parts"] = lambda one: str(one.parts) if one.error is None else "failed"
    return told


def _figure(name: Objective, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:+.2%}" if name is Objective.RETURN else f"{value:.2f}"
