import tempfile
import unittest
from pathlib import Path

from cryptick.server.sweeps import SweepStore
from cryptick.sweeps.measures import Measures
from cryptick.sweeps.store import Manifest, SweepDirectory
from cryptick.sweeps.trial import Outcome
from exchange_wrapper.errors import NoData, UnknownName
from exchange_wrapper.times import SECOND, UtcNs, to_iso


def iso(time_s: int) -> str:
    return to_iso(UtcNs(time_s * SECOND))


def measured(sharpe: float) -> Measures:
    return Measures(sharpe / 10, 0.1, sharpe, None, 3, 5, 0.0, 3.0)


class Sweeps(unittest.TestCase):
    def setUp(self) -> None:
        root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.sweeps = SweepStore(root)
        self.directory = SweepDirectory.claim(root, "SmaCross")
        manifest = Manifest(
            sweep_id=self.directory.path.name,
            arguments=[],
            strategy="SmaCross",
            search="grid",
            searched={"fast": "5,10", "slow": "50,100"},
            fixed={"percent": "50"},
            splits=[
                {
                    "in_sample_start": iso(0),
                    "in_sample_end": iso(1000),
                    "out_of_sample_start": iso(1000),
                    "out_of_sample_end": iso(2000),
                }
            ],
            objective="sharpe",
            seed=7,
            period=(0, 2000),
            data_hash="",
            code_hash="",
            versions={},
            started_at=iso(5),
            trials=4,
        )
        self.directory.files.write_json("sweep.json", manifest)

    def run_points(self, *sharpes: float) -> None:
        points = [(fast, slow) for fast in ("5", "10") for slow in ("50", "100")]
        for number, (sharpe, (fast, slow)) in enumerate(zip(sharpes, points, strict=False)):
            outcome = Outcome(
                number, 0, {"fast": fast, "slow": slow}, measured(sharpe), measured(sharpe)
            )
            self.directory.add(outcome)

    def test_one_that_goes_on_is_told_as_far_as_it_is(self) -> None:
        self.assertEqual(self.sweeps.all()[0].state, "interrupted")
        with self.directory:
            self.run_points(1.0, 2.0, 3.0)
            (row,) = self.sweeps.all()
            self.assertEqual((row.state, row.done, row.trials), ("running", 3, 4))
            self.assertEqual(self.sweeps.points("smacross_0", 0, 1).total, 3)
        self.assertEqual(self.sweeps.all()[0].state, "interrupted")
        with self.assertRaises(NoData):
            self.sweeps.page("smacross_0")

    def test_points_come_best_first_and_as_a_map(self) -> None:
        with self.directory:
            self.run_points(1.0, 4.0, 3.0, 2.0)
        (self.directory.path / "summary.json").write_text("{}")
        (self.directory.path / "sweep.html").write_text("<p>")
        detail = self.sweeps.detail("smacross_0")
        self.assertEqual((detail.sweep.state, detail.points, detail.failed), ("finished", 4, 0))
        self.assertEqual(detail.choices[0].point, {"fast": "5", "slow": "100"})
        assert detail.walk_forward is not None
        self.assertAlmostEqual(detail.walk_forward.total_return, 0.4)
        page = self.sweeps.points("smacross_0", 1, 2)
        self.assertEqual(page.columns[:3], ["fast", "slow", "score"])
        self.assertEqual(
            [row[:3] for row in page.rows], [["10", "50", "3.0"], ["10", "100", "2.0"]]
        )
        found = self.sweeps.heat_map("smacross_0")
        self.assertEqual((found.across, found.columns), ("fast", ["5", "10"]))
        self.assertEqual((found.down, found.rows), ("slow", ["50", "100"]))
        self.assertEqual(found.cells, [[1.0, 3.0], [4.0, 2.0]])
        self.assertEqual(self.sweeps.page("smacross_0"), b"<p>")

    def test_what_is_not_there_is_said(self) -> None:
        with self.assertRaisesRegex(NoData, "two parameters"):
            self.sweeps.heat_map("smacross_0")
        for name in ("smacross_1", "../smacross_0", "nothing"):
            with self.subTest(name), self.assertRaisesRegex(UnknownName, "there is no sweep"):
                self.sweeps.detail(name)
