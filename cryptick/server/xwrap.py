"""What the server itself asks of xWrap: funds for a run, an end to its orders, history."""

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

from cryptick.errors import UsageError
from cryptick.runner import open_history
from cryptick.server.settings import OnDeath
from exchange_wrapper.client import XWrapClient
from exchange_wrapper.errors import UnknownName
from exchange_wrapper.numbers import format_amount
from exchange_wrapper.times import to_iso

__all__ = ["XWrap"]

_NAME = "cryptick server"


class XWrap:
    """xWrap, by a connection for each thing that is asked.

    Parameters
    ----------
    url : str
        Address of JSON-RPC.
    store : str or None
        A store that has the history instead.
    """

    def __init__(self, url: str, store: str | None) -> None:
        self._url = url
        self._store = store

    async def check(self, mode: str, exchanges: Mapping[str, object]) -> None:
        """Refuse exchanges that are not loaded in this mode.

        Raises
        ------
        UnknownName, UsageError
            One is not.
        Unavailable
            xWrap does not answer.
        """
        async with await XWrapClient.connect(self._url, name=_NAME) as client:
            loaded = {one["exchange"]: one["mode"] for one in await client.get_exchanges()}
        for name in exchanges:
            if name not in loaded:
                known = ", ".join(sorted(loaded)) or "none"
                raise UnknownName(
                    f"xWrap has no exchange {name!r}; it has {known}", field="balances"
                )
            if loaded[name] != mode:
                raise UsageError(
                    f"exchange {name} is a {loaded[name]} one: a {mode} run can't trade there",
                    field="mode",
                )

    async def fund(
        self, run_id: str, balances: Mapping[tuple[str, str], Decimal]
    ) -> tuple[int, str | None]:
        """Make the wallet set of a run; return its id and the token for it.

        Raises
        ------
        InsufficientFunds, BadWalletConfig, Unavailable
            It can't be made.
        """
        wallets = [
            {"exchange": exchange, "currency": currency, "allocation": format_amount(amount)}
            for (exchange, currency), amount in balances.items()
        ]
        async with await XWrapClient.connect(self._url, name=_NAME) as client:
            created = await client.call("create_wallet_set", run_id=run_id, wallets=wallets)
        return int(created["id"]), created.get("token")

    async def settle(self, wallet_set_id: int, policy: OnDeath) -> str:
        """Deal with what a dead run has left and say what was done."""
        if policy == "keep":
            return f"open orders and wallet set {wallet_set_id} were left as they are"
        async with await XWrapClient.connect(self._url, name=_NAME) as client:
            if policy == "release":
                found = await client.get_wallet_set(wallet_set_id)
                if found.get("active", True):
                    await client.deactivate_wallet_set(wallet_set_id, force=True)
                return f"open orders were cancelled, the funds of wallet set {wallet_set_id} freed"
            answer = await client.call("cancel_all", wallet_set_id=wallet_set_id)
        cancelled, failed = len(answer["cancelled"]), len(answer["failed"])
        trouble = f", {failed} could not be" if failed else ""
        return (
            f"{cancelled} open orders were cancelled{trouble}; wallet set {wallet_set_id} was kept"
        )

    async def history(self) -> dict[str, Any]:
        """Return which candles and recordings there are, and where."""
        return await asyncio.to_thread(self._history)

    def _history(self) -> dict[str, Any]:
        with ExitStack() as stack:
            source, place = open_history(self._store, None if self._store else self._url, stack)
            return {
                "source": place,
                "candles": [
                    {
                        "exchange": one.exchange,
                        "pair": one.pair,
                        "freq_s": one.freq_s,
                        "start": one.start_s,
                        "end": one.end_s,
                    }
                    for one in source.series()
                ],
                "recordings": [
                    {
                        "exchange": one.exchange,
                        "pair": one.pair,
                        "start": to_iso(one.start),
                        "end": to_iso(one.end),
                    }
                    for one in source.recordings()
                ],
            }
