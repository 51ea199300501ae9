"""Cryptick: runs trading strategies, the same class in a backtest, on paper and live."""

__all__ = ["__version__"]

__version__ = "0.1.0"
