"""Adapters: one exchange, one file. The configuration names the class by its path."""
