"""What a person should know of: it is stored, told to clients, and never changed."""

from enum import StrEnum

import msgspec

from exchange_wrapper.times import UtcNs, to_iso

__all__ = ["Incident", "IncidentKind"]


class IncidentKind(StrEnum):
    """What kind of thing happened."""

    BREACH = "breach"  # a wallet set was frozen
    UNFROZEN = "unfrozen"
    DIFFERENCE = "difference"  # a venue's balance is not what our wallets have there
    ACKNOWLEDGED = "acknowledged"  # somebody has taken a difference as it is
    OPENED = "opened"  # what a live exchange held of a currency when it was first seen
    EXTERNAL_ORDER = "external_order"  # xWrap did not make it
    EXTERNAL_FILL = "external_fill"
    KILL_SWITCH = "kill_switch"  # ``subject`` is the scope, ``text`` the level


class Incident(msgspec.Struct, frozen=True):
    """Something that happened.

    Attributes
    ----------
    exchange : str
        Where, or empty.
    subject : str
        What it is about: a wallet set's id, a currency, a venue's id of an order or fill, a scope.
    text : str
        A sentence for a person.
    by : str
        Who did it; empty if nobody.
    """

    kind: IncidentKind
    time: UtcNs
    exchange: str
    subject: str
    text: str
    by: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return the incident as on the wire."""
        return {
            "kind": self.kind.value,
            "time": to_iso(self.time),
            "exchange": self.exchange,
            "subject": self.subject,
            "text": self.text,
            "by": self.by,
        }
