import unittest
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from cryptick.slicing import Slicer
from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.numbers import Lots


class Slices(unittest.TestCase):
    def sizes(self, slicer: Slicer, filled: Sequence[int | None], **limits: int) -> list[int]:
        """Ask for one slice after the other; None fills it whole."""
        sizes = []
        for number, lots in enumerate(filled, 1):
            sizes.append(slicer.due(number, **limits))
            slicer.filled = Lots(slicer.filled + (sizes[-1] if lots is None else lots))
        return sizes

    def test_equal_parts_sum_to_the_total(self) -> None:
        self.assertEqual(self.sizes(Slicer(Lots(10), 4), [None] * 5), [2, 3, 2, 3, 0])

    def test_what_was_not_filled_is_caught_up_also_after_the_end(self) -> None:
        slicer = Slicer(Lots(12), 3)
        self.assertEqual(self.sizes(slicer, [1, 0, 5, None, None]), [4, 7, 11, 6, 0])

    def test_a_cap_is_kept_and_the_rest_comes_later(self) -> None:
        self.assertEqual(self.sizes(Slicer(Lots(12), 2), [None] * 5, cap=3), [3, 3, 3, 3, 0])
        self.assertEqual(Slicer(Lots(12), 2).due(1, cap=0), 0)

    def test_no_order_and_no_rest_is_below_the_least(self) -> None:
        sizes = self.sizes(Slicer(Lots(10), 10), [None] * 10, least=4)
        self.assertEqual(sizes, [0, 0, 0, 4, 0, 0, 6, 0, 0, 0])

    def test_nothing_to_slice_is_refused(self) -> None:
        for total, slices in ((0, 1), (1, 0)):
            with self.subTest(total=total), self.assertRaises(ApiUsageError):
                Slicer(Lots(total), slices)

    @given(
        st.integers(1, 500),
        st.integers(1, 20),
        st.integers(1, 30),
        st.lists(st.tuples(st.integers(0, 200), st.floats(0, 1)), max_size=40),
    )
    def test_it_never_exceeds_its_limits_and_ends_exactly(
        self, total: int, slices: int, least: int, steps: list[tuple[int, float]]
    ) -> None:
        slicer = Slicer(Lots(total), slices)
        for number, (cap, part) in enumerate(steps, 1):
            size = slicer.due(number, least=least, cap=cap)
            self.assertLessEqual(size, min(cap, slicer.remaining))
            self.assertTrue(size == 0 or size >= least or size == slicer.remaining)
            slicer.filled = Lots(slicer.filled + int(size * part))
        for number in range(slices, slices + 3):
            slicer.filled = Lots(slicer.filled + slicer.due(number, least=least))
        self.assertEqual(slicer.remaining, 0)


if __name__ == "__main__":
    unittest.main()
