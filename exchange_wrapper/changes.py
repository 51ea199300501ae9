"""What happened in the desk and its ledger, in causal order: for the journal and for simulators.

A wallet inside a change is the ledger's own, with its balances as of now, not as of the change.
"""

import msgspec

from exchange_wrapper.accounts import Line, Wallet, WalletSet
from exchange_wrapper.incidents import Incident
from exchange_wrapper.orders import Order, Trade
from exchange_wrapper.times import UtcNs

__all__ = [
    "Change",
    "HeartBeat",
    "IncidentHappened",
    "LinePosted",
    "OrderChanged",
    "SetChanged",
    "TradeMade",
    "WalletOpened",
]


class OrderChanged(msgspec.Struct, frozen=True, gc=False):
    """An order is new or has a new state."""

    order: Order


class TradeMade(msgspec.Struct, frozen=True, gc=False):
    """An order has filled, in part or wholly; ``order`` is its state after the fill."""

    trade: Trade
    order: Order


class LinePosted(msgspec.Struct, frozen=True, gc=False):
    """A line was posted to ``wallet``."""

    line: Line
    wallet: Wallet


class WalletOpened(msgspec.Struct, frozen=True, gc=False):
    """A new, empty wallet."""

    wallet: Wallet


class SetChanged(msgspec.Struct, frozen=True, gc=False):
    """A wallet set is new, or was frozen or deactivated."""

    wallet_set: WalletSet


class IncidentHappened(msgspec.Struct, frozen=True, gc=False):
    """Something happened that a person should know of."""

    incident: Incident


class HeartBeat(msgspec.Struct, frozen=True, gc=False):
    """The service was running at this time."""

    time: UtcNs


Change = (
    OrderChanged | TradeMade | LinePosted | WalletOpened | SetChanged | IncidentHappened | HeartBeat
)
