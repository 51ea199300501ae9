"""REST connection to an exchange: rate-limited, with bounded retries and our own errors."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import httpx
import msgspec

from exchange_wrapper import __version__
from exchange_wrapper.errors import ProcessingError, Unavailable, UnknownOutcome
from exchange_wrapper.util.token_bucket import TokenBucket

__all__ = ["Connection", "Params", "Sign", "refusal"]

_TIMEOUT_S: Final = 10.0
_ATTEMPTS: Final = 4
_PAUSE_S: Final = 0.5  # after the first failure; it doubles with each further one
_SLOW_DOWN_S: Final = 1.0  # after a 429, for everybody who shares the limit
_TOO_MANY_REQUESTS: Final = 429

Params = Mapping[str, str | int | list[str]]
"""The query; a list gives its name to each of its values."""

Sign = Callable[[str, str, bytes], Mapping[str, str]]
"""Returns the headers that prove who asks, from method, path with query, and body."""


class _Refusal(msgspec.Struct):
    message: str


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
    sign : callable, optional
        Signs every attempt of every request.
    timeout_s : float
        How long connecting, and then each wait for data, may take.
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
        sign: Sign | None = None,
        timeout_s: float = _TIMEOUT_S,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._name = name
        self._rate_limit = rate_limit
        self._sign = sign
        self._sleep = sleep
        self._jitter = jitter
        self._http = httpx.AsyncClient(
            base_url=server_address,
            headers={"User-Agent": f"xwrap/{__version__}"},
            timeout=timeout_s,
            transport=transport,
        )

    async def get(self, endpoint: str, params: Params | None = None) -> bytes:
        """Return the body of a GET request.

        Time-outs, broken connections, 429 and 5xx are tried again, a few times and ever slower.

        Raises
        ------
        Unavailable
            Every attempt failed for one of those reasons.
        ProcessingError
            The exchange refused the request; the message has its words.
        """
        return self.accepted(await self.request("GET", endpoint, params)).content

    async def request(
        self,
        method: str,
        endpoint: str,
        params: Params | None = None,
        body: bytes = b"",
        *,
        rate_limit: TokenBucket | None = None,
        urgent: bool = False,
        once: bool = False,
    ) -> httpx.Response:
        """Return the answer to a request, be it a refusal.

        Time-outs, broken connections, 429 and 5xx are tried again, as by ``get``.

        Parameters
        ----------
        method, endpoint, params, body
            What is asked; a body is JSON.
        rate_limit : TokenBucket, optional
            Takes the place of the connection's own.
        urgent : bool
            Overtake the requests that wait for the rate limit.
        once : bool
            Doing it twice would do harm: only a 429, which says that nothing was done, is tried
            again.

        Raises
        ------
        UnknownOutcome
            With ``once``: the request may have been carried out.
        Unavailable
            Every attempt failed; with ``once``, nothing was carried out.
        """
        limit = rate_limit or self._rate_limit
        what = f"{method} {endpoint}"
        problem = ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                await self._sleep(_PAUSE_S * 2 ** (attempt - 1) * (1 + self._jitter()))
            await limit.request_token(urgent=urgent)
            try:
                answer = await self._http.send(self._signed(method, endpoint, params, body))
            except httpx.RequestError as error:
                problem = str(error) or type(error).__name__
            else:
                problem = f"{answer.status_code} {_words(answer)}"
                if answer.status_code == _TOO_MANY_REQUESTS:
                    limit.pause(_SLOW_DOWN_S)
                    continue
                if not answer.is_server_error:
                    return answer
            if once:
                raise UnknownOutcome(f"{self._name} may have carried out {what}: {problem}")
        raise Unavailable(f"{self._name} does not answer {what}: {problem}")

    def accepted(self, answer: httpx.Response) -> httpx.Response:
        """Return the answer if it is a success.

        Raises
        ------
        ProcessingError
            It is a refusal; the message has the exchange's words.
        """
        if answer.is_success:
            return answer
        request = answer.request
        raise ProcessingError(
            f"{self._name} refused {request.method} {request.url.path}: "
            f"{answer.status_code} {_words(answer)}"
        )

    async def close(self) -> None:
        """Close the kept connections."""
        await self._http.aclose()

    def _signed(
        self, method: str, endpoint: str, params: Params | None, body: bytes
    ) -> httpx.Request:
        request = self._http.build_request(method, endpoint, params=params, content=body or None)
        if body:
            request.headers["Content-Type"] = "application/json"
        if self._sign is not None:
            # Signed is what is sent: the path with its query as encoded, the body byte by byte.
            path = request.url.raw_path.decode("ascii")
            request.headers.update(self._sign(method, path, body))
        return request


def refusal(answer: httpx.Response) -> str | None:
    """Return an exchange's own words of refusal; None if the answer is not one of its own."""
    return _message(answer) if answer.is_client_error else None


def _words(answer: httpx.Response) -> str:
    return _message(answer) or answer.reason_phrase


def _message(answer: httpx.Response) -> str | None:
    try:
        return msgspec.json.decode(answer.content, type=_Refusal).message
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
