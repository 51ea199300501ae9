"""Backtests side by side with their peers: bars, pairs merged in time, level-2 updates."""
