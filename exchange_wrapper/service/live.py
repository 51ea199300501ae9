"""What live exchanges need of the service: keys, balances, and a record of what is not ours."""

import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from exchange_wrapper.accounts import EXCHANGE_SET
from exchange_wrapper.archive import is_booked
from exchange_wrapper.config import ExchangeSettings
from exchange_wrapper.control import Control
from exchange_wrapper.credentials import load_credentials
from exchange_wrapper.errors import ApiUsageError, Unavailable
from exchange_wrapper.exchange.base import Exchange
from exchange_wrapper.exchange.base_trading import Trading
from exchange_wrapper.execution import LivePort
from exchange_wrapper.incidents import IncidentKind
from exchange_wrapper.journal import Journal
from exchange_wrapper.live_execution import LiveExecution
from exchange_wrapper.orders import Order
from exchange_wrapper.terms import Mode
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["LiveExchanges", "trading_of"]

_log = logging.getLogger("xwrap.service")

_ATTEMPTS: Final = 3
_OVERLAP_NS: Final = 120 * SECOND  # heartbeats are a minute apart


def trading_of(exchange: Exchange, mode: Mode) -> Trading | None:
    """Return where the orders of a live exchange go, None for a paper one.

    Raises
    ------
    ApiUsageError
        It has no keys, they can't be used, or it can't be traded live.
    """
    if mode is not Mode.LIVE:
        return None
    return exchange.trading(load_credentials(exchange.name))


class LiveExchanges:
    """Keep a control in step with the venues themselves.

    Parameters
    ----------
    control : callable
        Returns the present control.
    journal : Journal
    clock : callable
        Returns the time now.
    """

    def __init__(
        self, control: Callable[[], Control], journal: Journal, clock: Callable[[], UtcNs]
    ) -> None:
        self._control = control
        self._journal = journal
        self._clock = clock

    def check(self, settings: ExchangeSettings) -> None:
        """Refuse an exchange whose stored funds are of another kind than its mode's.

        Raises
        ------
        ApiUsageError
            It was a paper exchange and is live now, or the other way round.
        """
        opened = self._control().has_opened(settings.name)
        funded = any(self._settled(settings.name).values())
        live = settings.mode is Mode.LIVE
        if opened != live and (opened or funded):
            before, now = ("paper", "live") if live else ("live", "paper")
            raise ApiUsageError(
                f'exchange "{settings.name}" has {before} funds in this database and can\'t be '
                f"{now} in it: give it another name, or use another SQLITE_DB",
                field="mode",
            )

    def follow(self, exchange: str, port: LiveExecution, offline_since: UtcNs) -> None:
        """Record what a venue reports that xWrap did not do, from when xWrap last ran."""

        def record(kind: IncidentKind, ext_id: str, text: str) -> None:
            self._control().record_external(kind, exchange, ext_id, text, self._clock())
            self._journal.schedule()

        def freeze(order: Order, text: str) -> None:
            self._control().freeze(order.request.wallet_set_id, text, self._clock())
            self._journal.schedule()

        async def booked(pair: str, trade_id: str) -> bool:
            await self._journal.committed()
            return await self._journal.read(
                lambda database: is_booked(database, exchange, pair, trade_id)
            )

        port.on_external = record
        port.on_unbookable = freeze
        port.is_booked = booked
        port.since = UtcNs(offline_since - _OVERLAP_NS)

    async def reconcile(self, exchange: str, port: LivePort) -> None:
        """Compare a venue's balances with the wallets there; at the first look, take them over."""
        for _ in range(_ATTEMPTS):
            before = self._settled(exchange)
            try:
                balances = await port.balances()
            except Unavailable as error:  # the next minute asks again
                _log.warning("balances of %s can't be had: %s", exchange, error.message)
                return
            if self._settled(exchange) != before:
                continue  # something was booked meanwhile, which they may have or not
            control, now = self._control(), self._clock()
            control.open_balances(exchange, balances, now)
            if not control.reconcile(exchange, balances, now):
                _log.error("the balances of %s are not what its wallets have", exchange)
            self._journal.schedule()
            return

    def _settled(self, exchange: str) -> dict[str, Decimal]:
        wallets = self._control().desk.ledger.wallets_of(EXCHANGE_SET)
        return {each.currency: each.settled for each in wallets if each.exchange == exchange}
