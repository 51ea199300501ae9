"""A few seconds of the soak: orders and funds at random, with kills, cuts and limits."""

import unittest

from benchmarks.soak import Soak


class AShortSoak(unittest.IsolatedAsyncioTestCase):
    async def test_the_ledger_equals_what_was_told(self) -> None:
        soak = Soak(minutes=0.15, seed=5)
        self.assertEqual(await soak.run(), [])
        for event in ("accepted", "kill -9"):
            self.assertGreater(soak.done[event], 0, event)
