"""Methods about the service itself, and those that notify."""

from typing import Any

from exchange_wrapper import __version__
from exchange_wrapper.archive import committed_since
from exchange_wrapper.errors import UnknownName
from exchange_wrapper.notifications import Channel
from exchange_wrapper.service.part import Json, Part
from exchange_wrapper.times import SECOND, UtcNs, to_iso
from serving.registry import Caller, Role, api_method

__all__ = ["StatusApi"]

_ANNOUNCED_WITHIN_NS = 60 * SECOND  # from the start of a commit to its notifications, at most


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
    async def get_notifications_since(self, *, caller: Caller, seq: int | None = None) -> Json:
        """Return the notifications after number ``seq`` that went to everybody, in their order.

        ``{"notifications": [{"method", "params", "seq"}], "last_seq", "complete"}``. Up to 10,000
        are remembered. For an older number, also one from before a restart, ``complete`` is false:
        those that are forgotten are replaced by the newest state of every order and by every trade
        since then (the newest 10,000 of each), from the database and with the microsecond of their
        commit as ``seq``. Their period begins a minute early, and the remembered ones that follow
        may be among them, so some may have been heard before: a trade with an ``id`` that is not
        above the last one's, an order whose ``status``, then ``filled_size``, then
        ``last_updated_at`` are not further than what was heard. Without ``seq`` nothing but
        ``last_seq`` is told, as a start.
        """
        known = self.engine.notifications
        if seq is None:
            return {"notifications": [], "last_seq": known.last_seq, "complete": True}
        limit = caller.limited_to
        complete = known.kept_since <= seq <= known.last_seq
        stored: list[Json] = []
        if not complete:
            start = UtcNs(max(0, seq * 1000 - _ANNOUNCED_WITHIN_NS))
            stored = await self.engine.journal.read(lambda db: committed_since(db, start, limit))
            # Once this is through, all that the query saw has been announced, so that what is
            # announced later is newer.
            await self.engine.journal.committed()
        recent = known.since(seq if complete else 0, limit)
        return {
            "notifications": [*stored, *recent],
            "last_seq": known.last_seq,
            "complete": complete,
        }

    @api_method(Role.VIEWER, funds=False)
    def subscribe(
        self, *, connection_id: int | None, channel: Channel, exchange: str, pair: str
    ) -> Json:
        """Notify this connection of a pair's market data from now on.

        The channels are ``ticker``, ``trades``, ``candles`` and ``book``: a snapshot at once, then
        what changes; ``sequence`` grows by one from message to message, or there is a new snapshot.
        """
        if pair not in self.engine.venue(exchange, ready=False).pairs:
            raise UnknownName(f"{exchange} has no pair {pair!r}", field="pair")
        if connection_id is not None:
            self.engine.subscribe(connection_id, channel, exchange, pair)
        return {"status": "ok"}

    @api_method(Role.VIEWER, funds=False)
    def unsubscribe(
        self, *, connection_id: int | None, channel: Channel, exchange: str, pair: str
    ) -> Json:
        """Take back a subscription."""
        if connection_id is not None:
            self.engine.notifications.unsubscribe(connection_id, channel, exchange, pair)
        return {"status": "ok"}
