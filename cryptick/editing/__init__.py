"""Strategies that are written in the page: kept as versions, looked through, and promoted."""
