"""xWrap: one service that makes many exchanges look like one."""

__all__ = ["__version__"]

__version__ = "0.1.0"
