"""The server of strategy runs: one process per run, found again after a restart."""
