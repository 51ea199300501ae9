"""The part of the API that stops trading and lets it go on."""

from collections.abc import Awaitable

from exchange_wrapper.archive import recent_incidents
from exchange_wrapper.kill_switch import KillLevel
from exchange_wrapper.numbers import format_amount
from exchange_wrapper.service.part import Json, Part, Rows
from serving.registry import Role, api_method

__all__ = ["ControlApi"]

_BY = "api"  # who acted, in the incidents


class ControlApi(Part):
    """Kill switch, frozen wallet sets, differences with an exchange's own books, incidents."""

    @api_method(Role.VIEWER, get="/control")
    def get_control(self) -> Json:
        """Return what stops trading now.

        ``{"kill_switch": [{"scope", "level"}], "frozen": {set id: reason}, "suspense":
        [{"exchange", "currency", "amount"}], "unknown_orders": [id]}``; all empty is well.
        """
        return self.engine.control.state()

    @api_method(Role.TRADER, post="/control/kill_switch")
    def kill_switch(self, *, level: KillLevel, scope: str | None = None) -> Awaitable[Json]:
        """Stop trading, or let it go on.

        ``stop`` refuses new orders, ``cancel`` also cancels the open ones, ``flatten`` also sells
        what wallet sets hold; ``off`` releases it. It only goes up until it is released, and it
        outlives a restart. ``scope`` is an exchange's name or a wallet set's id, or left out for
        everything.

        Returns ``{"scope", "level", "cancelling": open orders that await their cancellation}``.
        """
        engine = self.engine
        return self._committed(engine.control.kill(level, scope, engine.clock(), _BY))

    @api_method(Role.ADMIN, post="/control/acknowledge")
    def acknowledge_suspense(self, *, exchange: str, currency: str, note: str) -> Awaitable[Json]:
        """Take a difference with an exchange's balance over into the unallocated funds.

        Orders in that currency are possible again. ``note`` says why, for the record.
        """
        engine = self.engine
        amount = engine.control.acknowledge(exchange, currency.upper(), _BY, note, engine.clock())
        answer = {"exchange": exchange, "currency": currency.upper()}
        return self._committed({**answer, "amount": format_amount(amount)})

    @api_method(Role.ADMIN, post="/control/unfreeze")
    def unfreeze_wallet_set(self, *, wallet_set_id: int, note: str) -> Awaitable[Json]:
        """Let a wallet set trade again that a breach of the ledger has frozen.

        Refused while its wallets still do not add up. ``note`` says why, for the record.
        """
        engine = self.engine
        engine.control.unfreeze(wallet_set_id, _BY, note, engine.clock())
        return self._committed(engine.wallets.get_wallet_set(wallet_set_id))

    @api_method(Role.VIEWER, get="/control/incidents")
    async def list_incidents(
        self, *, limit: Rows = 100, before_id: int | None = None
    ) -> list[Json]:
        """Return what has happened that needs a person's eye, newest first.

        For those before them, pass the last one's ``id`` as ``before_id``.
        """
        return await self.engine.journal.read(
            lambda database: recent_incidents(database, before_id, limit)
        )
