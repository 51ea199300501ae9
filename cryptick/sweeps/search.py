"""In which order a sweep tries points: all at once, or each round learning from the last.

A search is a generator that yields the tasks of a round and is sent their outcomes, in the order
of the tasks. So it depends on results alone, never on who was faster, and a search that is begun
again with the outcomes of before takes the same way.
"""

import math
from collections.abc import Generator, Sequence
from typing import Final

import optuna

from cryptick.sweeps.measures import Objective, score
from cryptick.sweeps.space import Point, Space
from cryptick.sweeps.splits import Split
from cryptick.sweeps.trial import Outcome, Task

__all__ = ["Search", "all_at_once", "by_optuna"]

Search = Generator[list[Task], Sequence[Outcome], None]

_ROUND: Final = 4  # points per split and round; a constant, or results would depend on the machine
_REFUSALS_PER_TRIAL: Final = 100


def all_at_once(points: Sequence[Point], splits: Sequence[Split]) -> Search:
    """Try all points on all splits."""
    yield [
        Task(number, index, point, split)
        for number, point in enumerate(points)
        for index, split in enumerate(splits)
    ]


def by_optuna(
    space: Space, splits: Sequence[Split], trials: int, seed: int, objective: Objective
) -> Search:
    """Let a tree-structured Parzen estimator look for the best point of each split.

    Every split has a study of its own that is told in-sample results only: what lies after a
    split must not lead the search in it. At last the best of each split is judged in the others,
    where it can't be chosen any more.
    """
    studies = [_Study(space, seed + index, objective) for index in range(len(splits))]
    for first in range(0, trials, _ROUND):
        numbers = range(first, min(first + _ROUND, trials))
        tasks = []
        for index, (study, split) in enumerate(zip(studies, splits, strict=True)):
            for number in numbers:
                point = study.ask()
                if point is not None:
                    tasks.append(Task(number, index, point, split))
        if not tasks:
            break
        outcomes = yield tasks
        for outcome in outcomes:
            studies[outcome.split].tell(outcome)
    judged = [
        Task(trials + index, other, study.best, split, judged_only=True)
        for index, study in enumerate(studies)
        for other, split in enumerate(splits)
        if study.best is not None and other != index and split.out_of_sample is not None
    ]
    if judged:
        yield judged


class _Study:
    """One study, which asks only for what the strategy accepts.

    Attributes
    ----------
    best : Point or None
        The first of those with the best value yet.
    """

    best: Point | None = None

    def __init__(self, space: Space, seed: int, objective: Objective) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = space
        self._objective = objective
        sampler = optuna.samplers.TPESampler(seed=seed)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._asked: list[optuna.Trial] = []
        self._best_value = -math.inf

    def ask(self) -> Point | None:
        """Return the next point, None when the strategy refuses too many in a row."""
        for _ in range(_REFUSALS_PER_TRIAL):
            trial = self._study.ask()
            point = {one.flag: one.suggest(trial) for one in self._space.dimensions}
            if self._space.params(point) is not None:
                self._asked.append(trial)
                return point
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        return None

    def tell(self, outcome: Outcome) -> None:
        """Take in the outcome of the point that was asked for first of those not yet told."""
        trial = self._asked.pop(0)
        value = score(outcome.in_sample, self._objective)
        if value is None:
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(trial, value)
            if value > self._best_value:
                self.best, self._best_value = outcome.point, value
