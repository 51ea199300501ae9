"""The API: what clients can ask of xWrap, whichever way they ask it."""

from exchange_wrapper.config import Settings
from exchange_wrapper.service.control import ControlApi
from exchange_wrapper.service.engine import Engine
from exchange_wrapper.service.gate import Gate
from exchange_wrapper.service.market_data import MarketDataApi
from exchange_wrapper.service.orders import OrderApi
from exchange_wrapper.service.status import StatusApi
from exchange_wrapper.service.wallets import WalletApi
from serving.roles import LOCAL_ADMIN

__all__ = ["ExchangeWrapper"]


class ExchangeWrapper(StatusApi, MarketDataApi, WalletApi, OrderApi, ControlApi):
    """Gets data from exchanges, trades on them, and gives both one form.

    Amounts of money are decimal text, market data JSON numbers, times ISO 8601 unless they are
    named ``start`` or ``end`` (seconds since 1970, UTC). All arguments are passed by name.

    Parameters
    ----------
    settings : Settings
    gate : Gate, optional
        Gives out the tokens of runs; without it they get none.
    """

    def __init__(self, settings: Settings, gate: Gate | None = None) -> None:
        self.engine = Engine(settings, take_audit_rows=list if gate is None else gate.take_rows)
        self.gate = gate

    async def start(self) -> None:
        """Restore what is stored and start the exchanges; see ``Engine.start``.

        To be finished before anybody is let in: a token whose wallet set was deactivated the moment
        before xWrap ended is revoked here.
        """
        await self.engine.start()
        if self.gate is not None:
            sets = self.engine.desk.ledger.sets.values()
            closed = {each.id for each in sets if each.closing or not each.active}
            await self.gate.revoke_run_tokens(closed, LOCAL_ADMIN)

    async def shutdown(self) -> None:
        """Stop and make everything durable."""
        await self.engine.shutdown()
