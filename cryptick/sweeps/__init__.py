"""Sweeps: many backtests of one strategy, chosen in-sample and reported out-of-sample."""
