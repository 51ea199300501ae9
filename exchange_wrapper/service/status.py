"""Methods about the service itself, and those that notify."""

from collections.abc import Sequence
from typing import Any, Final

from exchange_wrapper import __version__
from exchange_wrapper.archive import committed_since
from exchange_wrapper.errors import UnknownName
from exchange_wrapper.notifications import Channel
from exchange_wrapper.service.part import Json, Part
from exchange_wrapper.times import SECOND, UtcNs, to_iso
from serving.registry import Caller, Role, api_method

__all__ = ["StatusApi"]

_ANNOUNCED_WITHIN_NS: Final = 60 * SECOND  # at most, from a commit's start to its notifications
_STORED_PAGE: Final = 1_000  # commits wait while it is read


class StatusApi(Part):
    """Status, echo and notifications."""

    @api_method(Role.VIEWER, get="/status", funds=False)
    def get_status(self) -> Json:
        """Return xWrap's status, configuration and the health of each exchange."""
        engine = self.engine
        return {
            "status": "online",
            "version": __version__,
            "started_at": to_iso(engine.started_at),
            "config": {
                "currencies": list(engine.settings.currencies),
                "exchanges": list(engine.venues),
            },
            "exchanges": engine.health(),
        }

    @api_method(Role.VIEWER, funds=False)
    def echo(self, /, *, connection_id: int | None, **arguments: Any) -> Json:
        """Return the arguments."""
        return arguments

    @api_method(Role.TRADER, funds=False)
    def echo_notify(self, /, *, connection_id: int | None, **arguments: Any) -> Json:
        """Send the arguments to every client as an ``echo_ret`` notification.

        Returns ``{"status": "ok", "receivers": number of clients}``.
        """
        receivers = self.engine.notifications.publish("echo_ret", arguments)
        return {"status": "ok", "receivers": receivers}

    @api_method(Role.VIEWER, get="/whoami", funds=False)
    def whoami(self, *, caller: Caller) -> Json:
        """Return who the caller is: ``name``, ``role``, ``kind`` and ``wallet_set_id``.

        ``wallet_set_id`` is the only wallet set that the caller may see and trade, or None.
        """
        identity = caller.identity
        assert identity is not None  # or the call would have been refused
        return {
            "name": identity.name,
            "role": identity.role.value,
            "kind": identity.kind.value,
            "wallet_set_id": identity.wallet_set_id,
        }

    @api_method(Role.VIEWER, get="/health", funds=False)
    def get_health(self) -> Json:
        """Return the health of each exchange, and what is wrong with the service itself.

        Of an exchange: ``status``, ``problem``, ``last_message_age_s``, ``reconnects``, ``gaps``,
        ``latency_s`` (how much later than the venue's own time its trades arrive), ``clock_skew_s``
        (by how much our clock is behind the venue's for certain: trades arrived before they
        happened), ``rate_budget`` (requests that may be sent at once, by the scope in which the
        venue counts them), the same for its ``pairs``, and the progress of its ``candles``. What is
        not known yet is None. Of a live one also ``trading``: whether reports of orders are heard,
        ``reconnects``, its own ``rate_budget``, ``clock_skew_s`` (how far the venue's clock is
        ahead of ours, as it says), and how many ``orders`` are open, and how many ``unanswered``.
        """
        faults = self.engine.desk.ledger.audit()
        ready = all(venue.status == "ready" for venue in self.engine.venues.values())
        return {
            "status": "ok" if ready and not faults else "degraded",
            "ledger_faults": faults,
            "exchanges": self.engine.health(),
        }

    @api_method(Role.VIEWER, get="/notifications")
    async def get_notifications_since(
        self, *, caller: Caller, seq: int | None = None, after: int | None = None
    ) -> Json:
        """Return the notifications after number ``seq`` that went to everybody, in their order.

        ``{"notifications": [{"method", "params", "seq"}], "last_seq", "complete", "next"}``. Up to
        10,000 are remembered. For an older number, also one from before a restart, ``complete`` is
        false: those that are forgotten are replaced by the newest state of every order and by every
        trade since then, from the database and with the microsecond of their commit as ``seq``.
        They come in pages: while ``next`` is not null, ask again for the same ``seq`` and with
        ``after`` = ``next``; the remembered ones follow on the last page. Their period begins a
        minute early, and the remembered ones may be among them, so some may have been heard before:
        a trade with an ``id`` that is not above the last one's, an order whose ``status``, then
        ``filled_size``, then ``last_updated_at`` are not further than what was heard. Without
        ``seq`` nothing but ``last_seq`` is told, as a start.
        """
        known = self.engine.notifications
        if seq is None:
            return _told([], known.last_seq, complete=True)
        limit = caller.limited_to
        if after is None and known.kept_since <= seq <= known.last_seq:
            return _told(known.since(seq, limit), known.last_seq, complete=True)
        start = seq * 1000 - _ANNOUNCED_WITHIN_NS if after is None else (after + 1) * 1000
        stored, last = await self.engine.journal.read(
            lambda database: committed_since(database, UtcNs(max(0, start)), _STORED_PAGE, limit)
        )
        if last is not None:
            return _told(stored, known.last_seq, complete=False, next=last)
        # Once this is through, all that the query saw has been announced, so that what is
        # announced later is newer.
        await self.engine.journal.committed()
        return _told([*stored, *known.since(0, limit)], known.last_seq, complete=False)

    @api_method(Role.VIEWER, funds=False)
    def subscribe(
        self, *, connection_id: int | None, channel: Channel, exchange: str, pair: str
    ) -> Json:
        """Notify this connection of a pair's market data from now on.

        The channels are ``ticker``, ``trades``, ``candles`` and ``book``: a snapshot at once, then
        what changes; ``sequence`` grows by one from message to message, or there is a new snapshot.
        """
        venue = self.engine.venue(exchange, ready=False)
        if pair not in venue.pairs:
            raise UnknownName(f"{exchange} has no pair {pair!r}", field="pair")
        if connection_id is not None:
            self.engine.news.subscribe(venue, connection_id, channel, pair)
        return {"status": "ok"}

    @api_method(Role.VIEWER, funds=False)
    def unsubscribe(
        self, *, connection_id: int | None, channel: Channel, exchange: str, pair: str
    ) -> Json:
        """Take back a subscription."""
        if connection_id is not None:
            self.engine.notifications.unsubscribe(connection_id, channel, exchange, pair)
        return {"status": "ok"}


def _told(
    notifications: Sequence[object], last_seq: int, *, complete: bool, next: int | None = None
) -> Json:
    return {
        "notifications": notifications,
        "last_seq": last_seq,
        "complete": complete,
        "next": next,
    }
