"""xWrap: one service that makes many exchanges look like one."""

from exchange_wrapper.compiled import places as _places

__all__ = ["__version__"]

__version__ = "0.1.0"

__path__[:0] = _places(__name__)
