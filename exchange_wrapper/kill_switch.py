"""The kill switch: how far trading is stopped, for everything, an exchange or a wallet set."""

from enum import StrEnum
from typing import Final

from exchange_wrapper.accounts import UNALLOCATED_SET

__all__ = ["EVERYTHING", "KillLevel", "KillSwitch"]

EVERYTHING: Final = ""
"""The scope of all orders. Others are a wallet set's id as text and an exchange's name."""


class KillLevel(StrEnum):
    """How far trading is stopped; each level does what those before it do."""

    OFF = "off"
    STOP = "stop"  # no new orders
    CANCEL = "cancel"  # open orders are cancelled
    FLATTEN = "flatten"  # what wallet sets hold is sold for their quote currencies

    @property
    def rank(self) -> int:
        """Position in this list, from 0."""
        return _RANKS[self]


_RANKS: Final = {level: rank for rank, level in enumerate(KillLevel)}


class KillSwitch:
    """The levels that are set, by scope.

    Attributes
    ----------
    levels : dict of str to KillLevel
        Without those that are ``OFF``.
    """

    def __init__(self) -> None:
        self.levels: dict[str, KillLevel] = {}

    def set(self, scope: str, level: KillLevel) -> bool:
        """Set or release a level and return whether that changes anything."""
        if self.levels.get(scope, KillLevel.OFF) is level:
            return False
        if level is KillLevel.OFF:
            del self.levels[scope]
        else:
            self.levels[scope] = level
        return True

    def level(self, exchange: str, wallet_set_id: int | None) -> KillLevel:
        """Return the highest level that holds for a wallet set at an exchange."""
        return max(self._holding(exchange, wallet_set_id), key=lambda each: each[1].rank)[1]

    def why(self, exchange: str, wallet_set_id: int | None) -> str:
        """Return a sentence on what stops a wallet set's orders at an exchange."""
        scope, level = max(self._holding(exchange, wallet_set_id), key=lambda each: each[1].rank)
        return f"the kill switch of {name_scope(scope)} is at {level}: release it first"

    def _holding(self, exchange: str, wallet_set_id: int | None) -> list[tuple[str, KillLevel]]:
        owner = str(UNALLOCATED_SET if wallet_set_id is None else wallet_set_id)
        scopes = (EVERYTHING, exchange, owner)
        return [(scope, self.levels.get(scope, KillLevel.OFF)) for scope in scopes]


def name_scope(scope: str) -> str:
    """Return a scope's name within a sentence."""
    if scope == EVERYTHING:
        return "everything"
    return f"wallet set {scope}" if scope.isdecimal() else scope
