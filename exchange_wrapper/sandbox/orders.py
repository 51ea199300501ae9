"""Orders as the venue takes, keeps and tells them."""

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

import msgspec

from exchange_wrapper.errors import ApiUsageError, InvalidAmount, OrderRejected
from exchange_wrapper.numbers import LEDGER, parse_amount
from exchange_wrapper.sandbox.accounts import ATOM_DIGITS, amount_text, to_atoms
from exchange_wrapper.sandbox.assets import Asset
from exchange_wrapper.sandbox.protocol import decimal_text
from exchange_wrapper.terms import Side
from exchange_wrapper.times import SECOND, UtcNs, to_iso

__all__ = [
    "MAKER_FEE",
    "MIN_FUNDS",
    "RATE_UNIT",
    "TAKER_FEE",
    "Order",
    "OrderRequest",
    "read_request",
]

RATE_UNIT: Final = 10_000
MAKER_FEE: Final = 40
"""In 1/``RATE_UNIT`` of the quote, as the taker's."""
TAKER_FEE: Final = 60

MIN_FUNDS: Final = 10**ATOM_DIGITS
"""Least value of an order, in atoms of the quote."""

_CANCEL_AFTER_S: Final = {"min": 60, "hour": 3600, "day": 86_400}


class OrderRequest(msgspec.Struct, frozen=True):
    """The body of ``POST /orders``; fields that are not listed are ignored."""

    product_id: str
    side: Side
    type: Literal["limit", "market"] = "limit"
    price: str | None = None
    size: str | None = None
    funds: str | None = None
    client_oid: str | None = None
    time_in_force: Literal["GTC", "GTT", "IOC", "FOK"] = "GTC"
    cancel_after: Literal["min", "hour", "day"] | None = None
    post_only: bool = False
    stp: Literal["dc", "co", "cn", "cb"] = "dc"
    stop: str | None = None


def read_request(body: bytes) -> OrderRequest:
    """Read the body of ``POST /orders`` and check how its fields go together.

    Raises
    ------
    ApiUsageError
        It is malformed, or asks for what can't go together.
    """
    try:
        request = msgspec.json.decode(body, type=OrderRequest)
    except msgspec.DecodeError as error:
        raise ApiUsageError(str(error)) from None
    if request.client_oid is not None:
        try:
            uuid.UUID(request.client_oid)
        except ValueError:
            raise ApiUsageError("client_oid must be a UUID") from None
    if request.stop is not None:
        raise ApiUsageError("stop orders are not offered here")
    if request.type == "market":
        if (request.size is None) == (request.funds is None):
            raise ApiUsageError("a market order takes either size or funds")
        if request.post_only:
            raise ApiUsageError("post_only is for limit orders")
        return request
    if request.price is None or request.size is None:
        raise ApiUsageError("a limit order takes price and size")
    if request.post_only and request.time_in_force in ("IOC", "FOK"):
        raise ApiUsageError("post_only can't go with time_in_force IOC or FOK")
    if (request.cancel_after is None) == (request.time_in_force == "GTT"):
        raise ApiUsageError("cancel_after goes with time_in_force GTT, and only with it")
    return request


@dataclass(slots=True, eq=False)
class Order:
    """One order of a profile; once it is done it never changes.

    Attributes
    ----------
    price, size : int or None
        Ticks and lots; a market order has no price, one by funds no size.
    funds : int or None
        What a market order may trade for, fees aside; atoms of the quote, as all amounts.
    hold : int
        What it holds, in atoms of the currency it pays with.
    ahead : int
        Lots of the simulated market that stand before it at its price.
    """

    id: str
    number: int
    profile_id: str
    asset: Asset
    request: OrderRequest
    price: int | None
    size: int | None
    funds: int | None
    created_at: UtcNs
    expires_at: UtcNs | None
    status: str = "pending"
    filled: int = 0
    executed_value: int = 0
    fees: int = 0
    hold: int = 0
    ahead: int = 0
    done_at: UtcNs | None = None
    done_reason: str | None = None
    reject_reason: str | None = None

    @classmethod
    def of(
        cls,
        request: OrderRequest,
        asset: Asset,
        profile_id: str,
        number: int,
        order_id: str,
        now: UtcNs,
    ) -> "Order":
        """Return the order that a request asks for.

        Raises
        ------
        OrderRejected
            Price, size or funds are too small or too precise for the product.
        """
        price = size = funds = None
        if request.price is not None and request.type == "limit":
            price = _units(request.price, "price", asset.price_digits)
        if request.size is not None:
            size = _units(request.size, "size", asset.size_digits)
        if request.funds is not None and request.type == "market":
            spent = _atoms(request.funds, asset.price_digits)
            # Fees come out of a buyer's funds, and are added to what a seller asks for.
            fee_unit = RATE_UNIT + (TAKER_FEE if request.side is Side.BUY else 0)
            funds = spent * RATE_UNIT // fee_unit
        order = cls(order_id, number, profile_id, asset, request, price, size, funds, now, None)
        if request.cancel_after is not None:
            order.expires_at = UtcNs(now + _CANCEL_AFTER_S[request.cancel_after] * SECOND)
        value = funds if price is None or size is None else order.value(price, size)
        if value is not None and value < MIN_FUNDS:
            raise OrderRejected(f"size is too small. Minimum size is {_min_funds()} in value")
        return order

    @property
    def side(self) -> Side:
        """Whether it buys or sells the base."""
        return self.request.side

    @property
    def live(self) -> bool:
        """Whether it may still trade."""
        return self.status in ("pending", "open")

    @property
    def remaining(self) -> int:
        """Lots not traded; 0 for an order by funds, which has no size."""
        return 0 if self.size is None else self.size - self.filled

    def value(self, price: int, lots: int) -> int:
        """Return the quote's atoms that so many lots cost, fees aside."""
        digits = ATOM_DIGITS - self.asset.price_digits - self.asset.size_digits
        return price * lots * int(10**digits)

    def base_atoms(self, lots: int) -> int:
        """Return lots as atoms of the base."""
        return lots * int(10 ** (ATOM_DIGITS - self.asset.size_digits))

    def wants(self, price: int) -> int:
        """Return the lots that it would still trade at a price."""
        if self.funds is None:
            return self.remaining
        left = (self.funds - self.executed_value) // self.value(price, 1)
        return left if self.size is None else min(left, self.remaining)

    def told(self) -> dict[str, object]:
        """Return the order as REST tells it."""
        request, asset = self.request, self.asset
        told: dict[str, object] = {
            "id": self.id,
            "product_id": asset.product_id,
            "profile_id": self.profile_id,
            "side": self.side,
            "type": request.type,
            "stp": request.stp,
            "post_only": request.post_only,
            "created_at": to_iso(self.created_at),
            "fill_fees": amount_text(self.fees),
            "filled_size": decimal_text(self.filled, asset.size_digits),
            "executed_value": amount_text(self.executed_value),
            "status": self.status,
            "settled": self.status == "done",
        }
        if request.client_oid is not None:
            told["client_oid"] = request.client_oid
        if self.price is not None:
            told["price"] = decimal_text(self.price, asset.price_digits)
            told["time_in_force"] = request.time_in_force
        if self.size is not None:
            told["size"] = decimal_text(self.size, asset.size_digits)
        if self.funds is not None:
            told["funds"] = amount_text(self.funds)
            told["specified_funds"] = request.funds
        if self.expires_at is not None:
            told["expire_time"] = to_iso(self.expires_at)
        if self.done_at is not None:
            told["done_at"] = to_iso(self.done_at)
            told["done_reason"] = self.done_reason
        if self.reject_reason is not None:
            told["reject_reason"] = self.reject_reason
        return told


def _min_funds() -> str:
    return decimal_text(MIN_FUNDS, ATOM_DIGITS).rstrip("0").rstrip(".")


def _units(text: str, name: str, digits: int) -> int:
    amount = _positive(text, name)
    units = amount.scaleb(digits, LEDGER)
    if units != units.to_integral_value():
        raise OrderRejected(f"{name} too precise ({text})")
    return int(units)


def _atoms(text: str, digits: int) -> int:
    _units(text, "funds", digits)
    return to_atoms(_positive(text, "funds"))


def _positive(text: str, name: str) -> Decimal:
    try:
        amount = parse_amount(text, name)
    except InvalidAmount:
        raise OrderRejected(f"Invalid {name}") from None
    if amount <= 0:
        raise OrderRejected(f"{name} too small" if name == "price" else f"{name} is too small")
    return amount
