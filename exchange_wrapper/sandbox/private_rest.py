"""The venue's private REST interface: what a signed request may ask and do."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from sanic import HTTPResponse, Request, Sanic

from exchange_wrapper.errors import ApiUsageError, UnknownName
from exchange_wrapper.sandbox.accounts import Account
from exchange_wrapper.sandbox.answers import answer, moment, whole
from exchange_wrapper.sandbox.keys import Forbidden, Keyring, Profile, Proof
from exchange_wrapper.sandbox.limits import Limits
from exchange_wrapper.sandbox.orders import MAKER_FEE, RATE_UNIT, TAKER_FEE, read_request
from exchange_wrapper.sandbox.protocol import decimal_text
from exchange_wrapper.sandbox.trading import Trading
from exchange_wrapper.sandbox.venue import Venue
from exchange_wrapper.times import UtcNs, from_iso

__all__ = ["PAGE_MAX", "PrivateRest"]

PAGE_MAX: Final = 1000
"""Rows of a list in one answer, and how many there are unless fewer are asked for."""

_OPEN_STATES: Final = ("open", "pending", "active")
_RATE_DIGITS: Final = len(str(RATE_UNIT)) - 1

_Handler = Callable[..., HTTPResponse]


class PrivateRest:
    """The handlers, one a method and path.

    Parameters
    ----------
    venue : Venue
        Where orders go; one without trading answers 404 to all.
    clock, signing_clock : callable
        The time, and the time that signatures are checked against.
    limits : Limits or None
        Counts the requests of each profile.
    """

    def __init__(
        self,
        venue: Venue,
        clock: Callable[[], UtcNs],
        signing_clock: Callable[[], UtcNs],
        limits: Limits | None,
    ) -> None:
        self._keyring: Keyring = venue.keyring
        self._venue = venue
        self._clock = clock
        self._signing_clock = signing_clock
        self._limits = limits

    def add_to(self, app: Sanic[Any, Any]) -> None:
        """Register the handlers."""
        for method, path, handler, permission in (
            ("GET", "/accounts", self.accounts, "view"),
            ("GET", "/accounts/<account_id>", self.account, "view"),
            ("GET", "/accounts/<account_id>/ledger", self.ledger, "view"),
            ("GET", "/fees", self.fees, "view"),
            ("GET", "/fills", self.fills, "view"),
            ("GET", "/orders", self.orders, "view"),
            ("GET", "/orders/<order_id>", self.order, "view"),
            ("POST", "/orders", self.place, "trade"),
            ("DELETE", "/orders", self.cancel_all, "trade"),
            ("DELETE", "/orders/<order_id>", self.cancel, "trade"),
        ):
            signed = self._signed(handler, permission)
            app.add_route(signed, path, methods=[method], name=handler.__name__)

    def accounts(self, profile: Profile, request: Request) -> HTTPResponse:
        """List the accounts of all currencies."""
        self._trading.advance(self._clock())
        return answer([account.told() for account in self._trading.accounts(profile).values()])

    def account(self, profile: Profile, request: Request, account_id: str) -> HTTPResponse:
        """Tell one account."""
        self._trading.advance(self._clock())
        return answer(self._account(profile, account_id).told())

    def ledger(self, profile: Profile, request: Request, account_id: str) -> HTTPResponse:
        """List the changes of one account's balance, newest first."""
        self._trading.advance(self._clock())
        entries = self._account(profile, account_id).entries[::-1]
        return _page(request, entries, [int(str(entry["id"])) for entry in entries])

    def fees(self, profile: Profile, request: Request) -> HTTPResponse:
        """Tell the fees, as parts of a trade's value."""
        return answer(
            {
                "maker_fee_rate": decimal_text(MAKER_FEE, _RATE_DIGITS),
                "taker_fee_rate": decimal_text(TAKER_FEE, _RATE_DIGITS),
                "usd_volume": None,
            }
        )

    def fills(self, profile: Profile, request: Request) -> HTTPResponse:
        """List the fills of an order or a product, newest first."""
        wanted = {
            name: text
            for name in ("order_id", "product_id")
            if (text := request.args.get(name)) is not None
        }
        if not wanted:
            raise ApiUsageError("order_id or product_id is required")
        start, end = moment(request, "start_date"), moment(request, "end_date")
        self._trading.advance(self._clock())
        found = [
            fill
            for fill in self._trading.fills(profile)
            if all(fill[name] == text for name, text in wanted.items())
            and (start is None or from_iso(str(fill["created_at"])) >= start)
            and (end is None or from_iso(str(fill["created_at"])) <= end)
        ]
        return _page(request, found, [int(str(fill["trade_id"])) for fill in found])

    def orders(self, profile: Profile, request: Request) -> HTTPResponse:
        """List orders, newest first; the open ones unless other states are asked for."""
        states = request.args.getlist("status") or _OPEN_STATES
        product_id = request.args.get("product_id")
        self._trading.advance(self._clock())
        found = [
            order
            for order in self._trading.orders(profile)
            if ("all" in states or order.status in states)
            and product_id in (None, order.asset.product_id)
        ]
        return _page(request, [o.told() for o in found], [o.number for o in found])

    def order(self, profile: Profile, request: Request, order_id: str) -> HTTPResponse:
        """Tell one order."""
        self._trading.advance(self._clock())
        return answer(self._trading.order(profile, order_id).told())

    def place(self, profile: Profile, request: Request) -> HTTPResponse:
        """Accept an order."""
        wanted = read_request(request.body)
        return answer(self._trading.place(profile, wanted, self._clock()))

    def cancel(self, profile: Profile, request: Request, order_id: str) -> HTTPResponse:
        """Cancel an order; a product in the query must be the order's."""
        product_id = request.args.get("product_id")
        self._trading.advance(self._clock())
        order = self._trading.order(profile, order_id)
        if product_id not in (None, order.asset.product_id):
            raise UnknownName("NotFound")
        return answer(self._trading.cancel(profile, order.id, self._clock()))

    def cancel_all(self, profile: Profile, request: Request) -> HTTPResponse:
        """Cancel all open orders, or those of the product in the query."""
        product_id = request.args.get("product_id")
        return answer(self._trading.cancel_all(profile, product_id, self._clock()))

    @property
    def _trading(self) -> Trading:
        assert self._venue.trading is not None  # checked before any handler
        return self._venue.trading

    def _signed(
        self, handler: _Handler, permission: str
    ) -> Callable[..., Coroutine[Any, Any, HTTPResponse]]:
        async def signed(request: Request, **names: str) -> HTTPResponse:
            if self._venue.trading is None:
                raise UnknownName("a recorded market is only shown: it takes no orders")
            profile = self._profile(request)
            if self._limits is not None:
                is_fills = handler == self.fills
                self._limits.private(profile.profile_id, self._clock(), fills=is_fills)
            if permission not in profile.permissions:
                raise Forbidden("Forbidden")
            return handler(profile, request, **names)

        return signed

    def _profile(self, request: Request) -> Profile:
        headers = request.headers
        proof = Proof(
            headers.get("cb-access-key", ""),
            headers.get("cb-access-sign", ""),
            headers.get("cb-access-timestamp", ""),
            headers.get("cb-access-passphrase", ""),
        )
        body = request.body.decode(errors="replace")
        path = request.raw_url.decode("latin-1")
        return self._keyring.check(proof, request.method, path, body, self._signing_clock())

    def _account(self, profile: Profile, account_id: str) -> Account:
        for account in self._trading.accounts(profile).values():
            if account.id == account_id:
                return account
        raise UnknownName("NotFound")


def _page(
    request: Request, rows: Sequence[dict[str, object]], numbers: Sequence[int]
) -> HTTPResponse:
    """Return the rows, numbered newest first, that the cursors in the query let through."""
    limit, before, after = (whole(request, name) for name in ("limit", "before", "after"))
    found = [
        (number, row)
        for number, row in zip(numbers, rows, strict=True)
        if (before is None or number > before) and (after is None or number < after)
    ]
    found = found[: min(max(1, PAGE_MAX if limit is None else limit), PAGE_MAX)]
    headers = {}
    if found:  # cursors towards newer and older pages
        headers["CB-BEFORE"] = str(found[0][0])
        headers["CB-AFTER"] = str(found[-1][0])
    return answer([row for _, row in found], headers)
