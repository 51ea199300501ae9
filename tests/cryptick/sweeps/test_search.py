import random
import unittest

from hypothesis import given, settings
from hypothesis import strategies as st

from cryptick.strategy.sma_cross import SmaCross
from cryptick.sweeps.measures import Measures, Objective
from cryptick.sweeps.results import make_results
from cryptick.sweeps.search import Search, all_at_once, by_optuna
from cryptick.sweeps.space import Choices, Space, parse_range
from cryptick.sweeps.splits import walk_forward
from cryptick.sweeps.trial import Outcome, Task, Trial

SPLITS = walk_forward(0, 70 * 86_400, 3600, 3, rolling=False, embargo_s=0)


def evaluate(task: Task) -> Outcome:
    """Have the best at fast = 30, differently far off in each split; fail at a few."""
    fast = int(task.point["fast"])
    if fast % 13 == 0:
        return Outcome(task.number, task.split, dict(task.point), error="thirteen")
    value = -abs(fast - 30 - task.split) / 10
    measures = Measures(value, 0.1, value, value, 1, 9, 0.0, 3.0)
    chosen = None if task.judged_only else measures
    return Outcome(task.number, task.split, dict(task.point), chosen, measures)


def drive(search: Search, seed: int, done: dict[Trial, Outcome] | None = None) -> list[Outcome]:
    """Run a search whose tasks finish in a random order."""
    kept = dict(done or {})
    tasks = next(search)
    while True:
        shuffled = [task for task in tasks if task.trial not in kept]
        random.Random(seed).shuffle(shuffled)
        for task in shuffled:
            kept[task.trial] = evaluate(task)
        try:
            tasks = search.send([kept[task.trial] for task in tasks])
        except StopIteration:
            return list(kept.values())


def space() -> Space:
    return Space(SmaCross, {}, [parse_range(SmaCross, "fast=2:60"), Choices("slow", ("40", "90"))])


class Searches(unittest.TestCase):
    @given(st.integers(0, 1000))
    @settings(max_examples=5, deadline=None)
    def test_results_do_not_depend_on_who_finishes_first(self, seed: int) -> None:
        for make in (
            lambda: by_optuna(space(), SPLITS, 12, 5, Objective.SHARPE),
            lambda: all_at_once(space().sample(12, 5), SPLITS),
        ):
            first = make_results(drive(make(), 1), SPLITS, Objective.SHARPE)
            again = make_results(drive(make(), seed), SPLITS, Objective.SHARPE)
            self.assertEqual(first, again)
            self.assertGreaterEqual(first.trials, 36)

    def test_a_study_that_goes_on_takes_the_same_way(self) -> None:
        whole = drive(by_optuna(space(), SPLITS, 14, 5, Objective.SHARPE), 1)
        half = {outcome.trial: outcome for outcome in whole[: len(whole) // 2]}
        resumed = drive(by_optuna(space(), SPLITS, 14, 5, Objective.SHARPE), 2, half)
        key = [(one.trial, one.point) for one in sorted(whole, key=lambda one: one.trial)]
        self.assertEqual(
            key, [(one.trial, one.point) for one in sorted(resumed, key=lambda one: one.trial)]
        )

    def test_a_study_comes_close_to_the_best(self) -> None:
        outcomes = drive(by_optuna(space(), SPLITS, 40, 5, Objective.SHARPE), 1)
        for choice in make_results(outcomes, SPLITS, Objective.SHARPE).choices:
            assert choice.in_sample is not None and choice.in_sample.sharpe is not None
            self.assertGreater(choice.in_sample.sharpe, -0.5)

    def test_the_best_of_each_split_is_judged_in_all_and_chosen_in_its_own_only(self) -> None:
        outcomes = drive(by_optuna(space(), SPLITS, 12, 5, Objective.SHARPE), 1)
        inside = [one for one in outcomes if one.in_sample is not None]
        found = make_results(outcomes, SPLITS, Objective.SHARPE)
        self.assertEqual(found.choices, make_results(inside, SPLITS, Objective.SHARPE).choices)
        best = [choice.point for choice in found.choices]
        for one in found.points:
            if one.point in best:
                self.assertEqual(one.parts, len(SPLITS))

    def test_no_study_hears_what_comes_after_its_split(self) -> None:
        def judged(task: Task, value: float) -> Outcome:
            found = evaluate(task)
            after = Measures(value, 0.1, value, value, 1, 9, 0.0, 3.0)
            return Outcome(
                task.number, task.split, found.point, found.in_sample, after, found.error
            )

        ways = []
        for value in (-5.0, 5.0):
            search = by_optuna(space(), SPLITS, 16, 5, Objective.SHARPE)
            way, tasks = [], next(search)
            try:
                while True:
                    way += [task.point for task in tasks]
                    tasks = search.send([judged(task, value) for task in tasks])
            except StopIteration:
                ways.append(way)
        self.assertEqual(*ways)


class Choosing(unittest.TestCase):
    def test_the_best_in_sample_is_judged_out_of_sample(self) -> None:
        def run(number: int, split: int, inside: float, after: float) -> Outcome:
            a, b = (Measures(x, 0.1, x, None, 1, 9, 0.0, 3.0) for x in (inside, after))
            return Outcome(number, split, {"fast": str(number)}, a, b)

        outcomes = [
            run(0, 0, 1.0, 0.5), run(1, 0, 2.0, -0.5),
            run(0, 1, 3.0, 0.2), run(1, 1, 2.0, 4.0),
            Outcome(2, 0, {"fast": "2"}, error="it broke"),
        ]  # fmt: skip
        found = make_results(outcomes, SPLITS[:2], Objective.SHARPE)
        self.assertEqual([one.point for one in found.choices], [{"fast": "1"}, {"fast": "0"}])
        assert found.walk_forward is not None
        self.assertAlmostEqual(found.walk_forward.total_return, 0.5 * 1.2 - 1)
        self.assertEqual(found.walk_forward.in_sample, 2.5)
        self.assertEqual([one.score for one in found.points], [1.75, 0.35, None])
        self.assertEqual(found.points[2].error, "it broke")
        self.assertEqual(found.failed, 1)
