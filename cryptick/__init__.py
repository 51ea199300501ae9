"""Cryptick: runs trading strategies, the same class in a backtest, on paper and live."""

from exchange_wrapper.compiled import places as _places

__all__ = ["__version__"]

__version__ = "0.1.0"

__path__[:0] = _places(__name__)
