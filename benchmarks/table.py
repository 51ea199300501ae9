"""The one table in which every benchmark reports."""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Figure", "show"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value; ``note`` holds the ratios of the same run and what is wanted."""

    name: str
    value: float
    unit: str
    note: str = ""


def show(title: str, figures: Iterable[Figure]) -> None:
    print(f"\n{title}")
    for figure in figures:
        digits = 0 if figure.value >= 100 else 2
        print(f"  {figure.name:40} {figure.value:14,.{digits}f} {figure.unit:12} {figure.note}")
