"""Take out of text what must not leave this machine: keys always, amounts where that is asked."""

import re
from typing import Final

__all__ = ["scrub", "scrub_amounts"]

_HIDDEN: Final = "[hidden]"
_NAME: Final = (
    r"(?:[a-z0-9-]*[_-])?"
    r"(?:key|secret|passphrase|password|token|authorization|signature|sign|dsn)"
)
# Up to the closing quote: a passphrase may have blanks. With a comma it is a pair of a header list.
_QUOTED: Final = re.compile(
    rf"""(?isx)
    ({_NAME}(?:\\?["']?\s*[:=]|\\?["']\s*,)\s*b?(\\?["'])(?:(?:bearer|basic)\s+)?)
    .+?(?=\2)"""
)
_NAMED: Final = re.compile(
    rf"""(?ix)
    ({_NAME}["']?\s*[:=]\s*["']?(?:(?:bearer|basic)\s+)?)
    [^\s"',;}}&]+"""
)
_IN_URL: Final = re.compile(r"(?i)(\b[a-z][a-z0-9+.-]*://)[^\s/@]+@")
_LOOKS_SECRET: Final = re.compile(r"(?<![\w/+.-])(?=[A-Za-z0-9+/_-]*\d)[A-Za-z0-9+/_-]{40,}={0,2}")
_NUMBER: Final = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])")


def scrub(text: str) -> str:
    """Return the text without keys, passwords, tokens and credentials in addresses."""
    text = _QUOTED.sub(rf"\g<1>{_HIDDEN}", text)
    text = _NAMED.sub(rf"\g<1>{_HIDDEN}", text)
    text = _IN_URL.sub(rf"\g<1>{_HIDDEN}@", text)
    return _LOOKS_SECRET.sub(_HIDDEN, text)


def scrub_amounts(text: str) -> str:
    """Return the text without those, and without any number."""
    return _NUMBER.sub("#", scrub(text))
