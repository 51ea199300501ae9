"""How xWrap's API describes itself."""

from typing import Final

from exchange_wrapper import __version__
from serving.registry import About, Tag

__all__ = ["ABOUT"]

ABOUT: Final = About(
    title="xWrap",
    version=__version__,
    prefix="/xwrap/v1",
    description="xWrap makes many exchanges look like one. Amounts of money are decimal text, "
    "market data JSON numbers, times ISO 8601 or seconds since 1970 UTC. The same methods are "
    "called by JSON-RPC 2.0 over websocket, where notifications tell what happens; Socket.IO on "
    "this port carries them too.",
    tags=(
        Tag("orders", "Orders and trades", ("/orders", "/trades")),
        Tag("wallets", "Wallets", ("/wallet", "/movements")),
        Tag("control", "What stops trading", ("/control",)),
        Tag("service", "The service", ("/status", "/health", "/notifications", "/whoami")),
        Tag("market", "Exchanges and prices"),
    ),
)
