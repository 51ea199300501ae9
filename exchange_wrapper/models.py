"""Tables of orders, trades and wallets.

Names follow the fields of the API. Lines and trades are only ever appended; orders, wallets and
sets carry their newest state, written in one transaction with the lines that led to it.
"""

from typing import Final

import peewee

from exchange_wrapper.db import AmountField, BaseModel, TimeField

__all__ = [
    "MODELS",
    "Heartbeat",
    "Incident",
    "Order",
    "Trade",
    "VirtualWallet",
    "WalletLine",
    "WalletSet",
]


class WalletSet(BaseModel):
    """A set of wallets: one exchange's own books, its unallocated funds, or a strategy's.

    Attributes
    ----------
    frozen : TextField
        Why its funds don't move; null if they do.
    closing : BooleanField
        Whether it is deactivated once its orders are gone.
    """

    run_id = peewee.CharField()
    type = peewee.CharField()
    description = peewee.CharField()
    active = peewee.BooleanField()
    created = TimeField()
    frozen = peewee.TextField(null=True)
    closing = peewee.BooleanField(null=True)


class Order(BaseModel):
    """An order with all that a restart needs to carry it on.

    Attributes
    ----------
    wallet_set : WalletSet or None
        Whose funds pay; None for the unallocated ones.
    x_id, tick_size, lot_size
        The exchange's name of the pair and its increments, as they were at placement.
    maker_fee, taker_fee : AmountField
        Fee fractions, frozen at placement.
    fee, fee_exact : AmountField
        Charged so far, in quote, and the same before rounding.
    filled_notional : TextField
        Σ ticks × lots of the fills: an integer of any size, hence text.
    hold, hold_currency : AmountField, CharField
        What is still reserved for this order.
    settled : BooleanField
        Whether nothing is on hold any more.
    offline : TextField
        JSON ``[[from, to], …]``: when xWrap was down while it was open; null for never.
    committed_at : TimeField
        When xWrap wrote this state; null for one of before version 3.
    post_only : BooleanField
        Whether it must not take; null for one of before version 5.
    """

    wallet_set = peewee.ForeignKeyField(WalletSet, null=True, backref="orders")
    wallet_set_id: int | None
    strategy_run_id = peewee.CharField()
    client_order_id = peewee.CharField()
    exchange = peewee.CharField()
    pair = peewee.CharField()
    x_id = peewee.CharField()
    tick_size = AmountField()
    lot_size = AmountField()
    type = peewee.CharField()
    side = peewee.CharField()
    size = AmountField()
    limit = AmountField(null=True)
    funds = AmountField(null=True)
    cancel_after = peewee.IntegerField()
    status = peewee.CharField()
    done_reason = peewee.CharField(null=True)
    message = peewee.TextField()
    created_at = TimeField()
    exchange_at = TimeField(null=True)
    last_updated_at = TimeField()
    done_at = TimeField(null=True, index=True)
    filled_size = AmountField()
    filled_notional = peewee.TextField()
    avg_price = AmountField()
    maker_fee = AmountField()
    taker_fee = AmountField()
    fee = AmountField()
    fee_exact = AmountField()
    hold = AmountField()
    hold_currency = peewee.CharField()
    settled = peewee.BooleanField()
    offline = peewee.TextField(null=True)
    committed_at = TimeField(null=True, index=True)
    post_only = peewee.BooleanField(null=True)

    class Meta:
        """A run's client order id names one order for ever."""

        indexes = (
            (("strategy_run_id", "client_order_id"), True),
            (("exchange", "client_order_id"), False),
        )


# Of millions of orders few are open, and those are all that a restart reads.
Order.add_index(Order.index(Order.status, where=Order.done_at.is_null(), name="order_open"))


class VirtualWallet(BaseModel):
    """A wallet with its running balances; they always equal the sums of its lines.

    Attributes
    ----------
    base : CharField
        The wallet's currency.
    allocation : AmountField
        What was put into it from the exchange's unallocated funds.
    settled, held_debit, held_credit : AmountField
        Sum of the settled lines; of the held ones below and above zero, netted per order.
    """

    wallet_set = peewee.ForeignKeyField(WalletSet, backref="wallets")
    wallet_set_id: int
    exchange = peewee.CharField()
    base = peewee.CharField()
    address = peewee.CharField(null=True)
    allocation = AmountField()
    settled = AmountField()
    held_debit = AmountField()
    held_credit = AmountField()

    class Meta:
        """A set has one wallet for each currency of each exchange."""

        indexes = ((("wallet_set", "exchange", "base"), True),)


class Trade(BaseModel):
    """One fill of an order.

    Attributes
    ----------
    exec_amount, exec_price : AmountField
        Size in base and price in quote per base.
    fee : AmountField
        In quote.
    ext_id : CharField
        The venue's id of the trade, empty if it gives none.
    committed_at : TimeField
        When xWrap wrote it, which may be long after ``time``; null for one of before version 3.
    """

    append_only = True

    order = peewee.ForeignKeyField(Order, backref="trades")
    order_type = peewee.CharField()
    ext_id = peewee.CharField()
    exec_amount = AmountField()
    exec_price = AmountField()
    fee = AmountField()
    maker = peewee.BooleanField()
    time = TimeField()
    committed_at = TimeField(null=True, index=True)


class WalletLine(BaseModel):
    """One movement of a wallet: a fact, never changed or deleted.

    Attributes
    ----------
    movement : AmountField
        Credit above zero, debit below, in the wallet's currency.
    on_hold : BooleanField
        Whether this line reserves (or frees) funds instead of moving them.
    reason : CharField
        See ``exchange_wrapper.accounts``.
    trade : Trade or None
        The trade that it is of, if any; null for one of before version 4.
    settled : AmountField
        What was settled in the wallet after it; null for one of before version 4.
    """

    append_only = True

    wallet = peewee.ForeignKeyField(VirtualWallet, backref="wallet_lines")
    order = peewee.ForeignKeyField(Order, null=True, backref="wallet_lines")
    date = TimeField(index=True)
    movement = AmountField()
    on_hold = peewee.BooleanField()
    reason = peewee.CharField()
    trade = peewee.ForeignKeyField(Trade, null=True, index=False)
    settled = AmountField(null=True)


class Incident(BaseModel):
    """Something that a person should know of, and the settings of the kill switch.

    Attributes
    ----------
    kind, exchange, subject : CharField
        See ``exchange_wrapper.incidents``.
    by : CharField
        Who did it; empty if nobody.
    """

    append_only = True

    time = TimeField()
    kind = peewee.CharField(index=True)
    exchange = peewee.CharField()
    subject = peewee.CharField()
    text = peewee.TextField()
    by = peewee.CharField()


class Heartbeat(BaseModel):
    """The one row that says until when xWrap is known to have run."""

    time = TimeField()


MODELS: Final = (WalletSet, Order, WalletLine, VirtualWallet, Trade, Incident, Heartbeat)
"""All tables, in the order in which ``init_db`` names them."""
