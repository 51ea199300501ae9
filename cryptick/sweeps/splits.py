"""Walk-forward splits: where parameters are chosen, and the later time that judges the choice."""

from dataclasses import dataclass
from typing import Final

from cryptick.errors import UsageError
from exchange_wrapper.candles import format_freq

__all__ = ["Split", "Window", "walk_forward", "whole_period"]

_IN_SAMPLE_BLOCKS: Final = 2  # length of the first in-sample part, in out-of-sample parts
_BARS_MIN: Final = 2


@dataclass(frozen=True)
class Window:
    """The bars that open in [start_s, end_s), seconds since 1970 UTC."""

    start_s: int
    end_s: int


@dataclass(frozen=True)
class Split:
    """Where parameters are chosen, and where the choice is judged: None is nowhere."""

    in_sample: Window
    out_of_sample: Window | None


def walk_forward(
    start_s: int, end_s: int, freq_s: int, count: int, *, rolling: bool, embargo_s: int
) -> list[Split]:
    """Return splits whose out-of-sample parts follow each other without gap to the end.

    The period is cut into ``count + 2`` blocks of whole bars; what does not divide goes to the
    first. The k-th out-of-sample part is block k + 2, and its in-sample part is all before it, or
    the two blocks before it when ``rolling``, without the embargo at the end.

    Parameters
    ----------
    start_s, end_s : int
        The period [start_s, end_s).
    freq_s : int
        Length of the bars.
    count : int
        Number of splits, ≥ 1.
    embargo_s : int
        Bars that open so shortly before the out-of-sample part belong to neither, ≥ 0.

    Raises
    ------
    UsageError
        The period is too short.
    """
    bars = (end_s - start_s) // freq_s
    block_s = bars // (count + _IN_SAMPLE_BLOCKS) * freq_s
    first_s = end_s - count * block_s
    needed_s = _BARS_MIN * freq_s
    if block_s < needed_s or first_s - start_s - embargo_s < needed_s:
        embargo = f" and an embargo of {format_freq(embargo_s)}" if embargo_s else ""
        raise UsageError(
            f"{bars} bars are too few for {count} splits{embargo}: take a longer period, shorter "
            "bars or fewer --splits"
        )
    splits = []
    for number in range(count):
        judged = Window(first_s + number * block_s, first_s + (number + 1) * block_s)
        length_s = _IN_SAMPLE_BLOCKS * block_s
        chosen_from_s = judged.start_s - length_s if rolling else start_s
        in_sample = Window(max(chosen_from_s, start_s), judged.start_s - embargo_s)
        if in_sample.end_s - in_sample.start_s < needed_s:
            raise UsageError("the embargo leaves nothing of an in-sample part: shorten it")
        splits.append(Split(in_sample, judged))
    return splits


def whole_period(start_s: int, end_s: int) -> list[Split]:
    """Return the one split without an out-of-sample part."""
    return [Split(Window(start_s, end_s), None)]
