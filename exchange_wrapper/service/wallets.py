"""Methods about wallets and wallet sets. What they tell is durable by then."""

import asyncio
from collections.abc import Awaitable
from decimal import Decimal

import msgspec

from exchange_wrapper.accounts import UNALLOCATED_SET, SetType
from exchange_wrapper.changes import LinePosted
from exchange_wrapper.errors import ApiUsageError, BadWalletConfig, InvalidAmount
from exchange_wrapper.movements import recent_movements
from exchange_wrapper.numbers import parse_amount
from exchange_wrapper.service.part import Json, Name, Part, Rows
from exchange_wrapper.terms import Mode
from exchange_wrapper.times import SECOND, from_iso
from exchange_wrapper.wallet import Wallet
from serving.registry import Amount, Caller, Role, api_method

__all__ = ["Allocation", "WalletApi"]


class Allocation(msgspec.Struct, forbid_unknown_fields=True):
    """How much of a currency of an exchange a new wallet set gets."""

    exchange: str
    currency: str
    allocation: Amount


class WalletApi(Part):
    """Wallets and wallet sets."""

    @api_method(Role.VIEWER, get="/wallets/sets")
    def get_all_wallet_sets(
        self, *, aggregate_only: bool = False, limit: Rows = 1000, before_id: int | None = None
    ) -> Awaitable[Json]:
        """Return the active wallet sets by id, and ``total``, ``unallocated`` and ``allocated``.

        With ``aggregate_only`` the wallets of each set are summed by currency. Of the sets, the
        newest ``limit`` whose id is below ``before_id``.
        """
        wallets = self.engine.wallets
        described = {
            **wallets.get_wallet_sets(SetType.LOGICAL, aggregate_only, limit, before_id),
            "total": wallets.get_exchange_total(),
            "unallocated": wallets.get_unallocated(),
            "allocated": wallets.get_allocated(),
        }
        return self._committed(described)

    @api_method(Role.VIEWER, get="/wallets/{set_id}")
    def get_wallet_set(
        self, *, set_id: int | None = None, aggregate_only: bool = False
    ) -> Awaitable[Json]:
        """Return one wallet set, active or not; the unallocated funds by default."""
        wanted = UNALLOCATED_SET if set_id is None else set_id
        return self._committed(self.engine.wallets.get_wallet_set(wanted, aggregate_only))

    @api_method(Role.VIEWER, get="/wallets/history/{set_id}")
    async def get_wallet_set_history(self, *, set_id: int) -> Json:
        """Return how the wallets of a set have changed: ``{"id", "run_id", "current", "data"}``.

        ``current`` is the set as it is now, ``data`` has a row ``[time, wallet, …]`` for each time
        in seconds since 1970, oldest first: once a minute, and whenever the set has changed.
        """
        current = self.engine.wallets.get_wallet_set(set_id)
        await self.engine.journal.committed()
        rows = await asyncio.to_thread(self.engine.series.read, set_id)
        return {
            "timestamp": self.engine.clock() / SECOND,
            "id": set_id,
            "run_id": current["run_id"],
            "current": current,
            "data": [[time_s, *wallets] for time_s, wallets in rows],
        }

    @api_method(Role.VIEWER, get="/wallets/allocated")
    def get_allocated_wallet_set(self) -> Awaitable[Json]:
        """Return what all active wallet sets have, summed by currency."""
        return self._committed(self.engine.wallets.get_allocated())

    @api_method(Role.VIEWER, get="/wallets/unallocated")
    def get_unallocated_wallet_set(self) -> Awaitable[Json]:
        """Return what no wallet set has, summed by currency."""
        return self._committed(self.engine.wallets.get_unallocated())

    @api_method(Role.VIEWER, get="/wallets/unallocated_exchange")
    def get_unallocated_per_exchange(self) -> Awaitable[Json]:
        """Return the wallets that no set has: ``{exchange: {currency: wallet}}``."""
        return self._committed(self.engine.wallets.get_unallocated_per_exchange())

    @api_method(Role.VIEWER, get="/wallets/total")
    def get_total_wallet_set(self) -> Awaitable[Json]:
        """Return everything at all exchanges, allocated or not, summed by currency."""
        return self._committed(self.engine.wallets.get_exchange_total())

    @api_method(Role.VIEWER, get="/{exchange}/wallet/{base}")
    def get_wallet(
        self, *, exchange: str, base: str, wallet_set_id: int | None = None
    ) -> Awaitable[Json]:
        """Return one wallet of a set; of the unallocated funds by default."""
        self.engine.venue(exchange, ready=False)
        wallet = self.engine.desk.ledger.wallet(wallet_set_id, exchange, base.upper())
        return self._committed(self.engine.wallets.describe(Wallet.of(wallet)))

    @api_method(Role.VIEWER, get="/movements")
    async def list_movements(
        self,
        *,
        wallet_set_id: int | None = None,
        run_id: str | None = None,
        exchange: str | None = None,
        currency: str | None = None,
        order_id: int | None = None,
        since: str | None = None,
        before_id: int | None = None,
        limit: Rows = 100,
    ) -> list[Json]:
        """Return the newest lines of the ledger, newest first: all, or those that fit.

        Each is ``{"id", "time", "reason", "wallet_set_id", "wallet_set_type", "wallet_id",
        "exchange", "currency", "movement", "on_hold", "balance", "run_id", "order_id",
        "client_order_id", "trade_id"}``. ``reason`` is ``order`` (a hold, or its release),
        ``fill``, ``fee``, ``allocation``, ``virtual``, ``opening`` or ``difference``. A line
        ``on_hold`` only reserves; the others of a wallet sum to its settled ``balance``, here as it
        was after the line (null for one that an older xWrap wrote). What enters or leaves an
        exchange is in two wallets, one of them of the set of type ``exchange``.

        With ``run_id`` those of the wallet sets of a run. ``since`` leaves out those before a time
        in ISO 8601. For those before them, pass the last one's ``id`` as ``before_id``.
        """
        ledger = self.engine.desk.ledger
        start = None if since is None else from_iso(since, "since")
        code = None if currency is None else currency.upper()
        wallet_ids = None
        if any(named is not None for named in (wallet_set_id, run_id, exchange, code)):
            wallet_ids = {
                wallet.id
                for wallet in ledger.wallets.values()
                if wallet_set_id in (None, wallet.set_id)
                and run_id in (None, ledger.sets[wallet.set_id].run_id)
                and exchange in (None, wallet.exchange)
                and code in (None, wallet.currency)
            }
        await self.engine.journal.committed()
        found = await self.engine.journal.read(
            lambda database: recent_movements(
                database, wallet_ids, order_id, start, before_id, limit
            )
        )
        wallets = [ledger.wallets[movement.wallet_id] for movement in found]
        return [
            movement.to_dict(wallet, ledger.sets[wallet.set_id])
            for movement, wallet in zip(found, wallets, strict=True)
        ]

    @api_method(Role.TRADER, post="/wallets/new")
    def create_wallet_set(
        self, *, caller: Caller, run_id: Name, wallets: list[Allocation]
    ) -> Awaitable[Json]:
        """Create a wallet set for a run, funded from what is unallocated, and return its id.

        ``token`` is what the run may connect with, to see and trade this set and no other; it can't
        be shown again, and ends when the set is deactivated.

        Errors are ``insufficient_funds`` and ``bad_wallet_config``; nothing is created then.
        """
        caller.check_wallet_set(None)
        for wallet in wallets:
            if wallet.exchange not in self.engine.venues:
                raise BadWalletConfig(f"exchange {wallet.exchange!r} is not loaded")
            self.engine.venue(wallet.exchange, ready=False)
        created = self.engine.desk.ledger.create_set(
            run_id,
            [
                (each.exchange, each.currency.upper(), parse_amount(each.allocation, "allocation"))
                for each in wallets
            ],
            self.engine.clock(),
            f"Logical Wallet for Run: {run_id}",
        )
        return self._with_token(caller, created.id)

    @api_method(Role.TRADER, post="/wallets/allocate")
    def allocate_to_wallet_set(
        self, *, wallet_set_id: int, exchange: str, base: str, movement: Decimal
    ) -> Awaitable[Json]:
        """Move unallocated funds into a wallet set, or back where ``movement`` is negative.

        Returns the set's wallet.
        """
        self.engine.venue(exchange, ready=False)
        amount = parse_amount(movement, "movement")
        wallet = self.engine.desk.ledger.allocate(
            wallet_set_id, exchange, base.upper(), amount, self.engine.clock()
        )
        return self._committed(self.engine.wallets.describe(Wallet.of(wallet)))

    @api_method(Role.TRADER, post="/wallets/deactivate")
    def deactivate_wallet_set(
        self, *, caller: Caller, wallet_set_id: int, force: bool = False
    ) -> Awaitable[Json]:
        """Return all funds of a wallet set to the unallocated ones and close it.

        An error while it has open orders; with ``force`` they are cancelled, and the set stays
        ``active`` until they are done. Tokens for this set alone are no longer valid.
        """
        caller.check_wallet_set(wallet_set_id)
        engine = self.engine
        closed = engine.control.deactivate(wallet_set_id, engine.clock(), force=force)
        return self._without_tokens(caller, wallet_set_id, closed.active)

    @api_method(Role.ADMIN, post="/wallets/virtual/transaction")
    def add_virtual_wallet_tx(
        self, *, exchange: str, base: str, movement: Decimal, wallet_id: int | None = None
    ) -> Awaitable[int]:
        """Add virtual funds to a paper exchange, or take some away, and return the line's id.

        They go to the unallocated funds, or to the wallet named.
        """
        if self.engine.venue(exchange, ready=False).mode is Mode.LIVE:
            raise ApiUsageError(
                f"exchange {exchange} is live: its funds are what it holds, and virtual ones can't "
                "be added",
                field="exchange",
            )
        amount = parse_amount(movement, "movement")
        if not amount:
            raise InvalidAmount("movement can't be 0", field="movement")
        ledger = self.engine.desk.ledger
        wallet = ledger.deposit(exchange, base.upper(), amount, self.engine.clock(), wallet_id)
        lines = (each for each in reversed(ledger.changes) if isinstance(each, LinePosted))
        return self._committed(next(each.line.id for each in lines if each.wallet is wallet))

    async def _with_token(self, caller: Caller, set_id: int) -> Json:
        created: Json = await self._committed({"id": set_id})
        if self.gate is not None:
            created["token"] = await self.gate.add_run_token(set_id, caller)
        return created

    async def _without_tokens(self, caller: Caller, set_id: int, active: bool) -> Json:
        deactivated: Json = await self._committed({"id": set_id, "active": active})
        if self.gate is not None:
            assert caller.identity is not None
            await self.gate.revoke_run_tokens({set_id}, caller.identity)
        return deactivated
