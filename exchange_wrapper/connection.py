"""REST connection to an exchange: rate-limited, with bounded retries and our own errors."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import httpx
import msgspec

from exchange_wrapper import __version__
from exchange_wrapper.errors import ProcessingError, Unavailable
from exchange_wrapper.util.token_bucket import TokenBucket

__all__ = ["Connection"]

_TIMEOUT_S: Final = 10.0
_ATTEMPTS: Final = 4
_PAUSE_S: Final = 0.5  # after the first failure; it doubles with each further one
_SLOW_DOWN_S: Final = 1.0  # after a 429, for everybody who shares the limit
_TOO_MANY_REQUESTS: Final = 429


class _Refusal(msgspec.Struct):
    message: str = ""


class Connection:
    """One exchange's REST interface.

    Parameters
    ----------
    name : str
        The exchange's name, for error messages.
    server_address : str
        Start of every URL, such as ``https://api.exchange.coinbase.com``.
    rate_limit : TokenBucket
        Gives the requests, retries included, their pace.
    transport : httpx.AsyncBaseTransport, optional
        Takes the place of the network.
    sleep : callable
        Waits so many seconds between attempts.
    jitter : callable
        Returns a number in [0, 1); up to that share is added to a wait, so that the clients
        that failed together do not return together.
    """

    def __init__(
        self,
        name: str,
        server_address: str,
        rate_limit: TokenBucket,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._name = name
        self._rate_limit = rate_limit
        self._sleep = sleep
        self._jitter = jitter
        self._http = httpx.AsyncClient(
            base_url=server_address,
            headers={"User-Agent": f"xwrap/{__version__}"},
            timeout=_TIMEOUT_S,
            transport=transport,
        )

    async def get(self, endpoint: str, params: Mapping[str, str | int] | None = None) -> bytes:
        """Return the body of a GET request.

        Time-outs, broken connections, 429 and 5xx are tried again, a few times and ever slower.

        Raises
        ------
        Unavailable
            Every attempt failed for one of those reasons.
        ProcessingError
            The exchange refused the request; the message has its words.
        """
        problem = ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                await self._sleep(_PAUSE_S * 2 ** (attempt - 1) * (1 + self._jitter()))
            await self._rate_limit.request_token()
            try:
                answer = await self._http.get(endpoint, params=params)
            except httpx.TransportError as error:
                problem = str(error) or type(error).__name__
                continue
            if answer.is_success:
                return answer.content
            problem = f"{answer.status_code} {_words(answer)}"
            if answer.status_code == _TOO_MANY_REQUESTS:
                self._rate_limit.pause(_SLOW_DOWN_S)
            elif not answer.is_server_error:
                raise ProcessingError(f"{self._name} refused GET {endpoint}: {problem}")
        raise Unavailable(f"{self._name} does not answer GET {endpoint}: {problem}")

    async def close(self) -> None:
        """Close the kept connections."""
        await self._http.aclose()


def _words(answer: httpx.Response) -> str:
    try:
        return msgspec.json.decode(answer.content, type=_Refusal).message
    except msgspec.DecodeError:
        return answer.reason_phrase
