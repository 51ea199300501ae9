"""A hub's door to the outside: messages as JSON text, over whatever carries text."""

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Final

from cryptick.hub import Hub
from cryptick.messages import Call, ErrorBody, Failure, Message, Result, decode, encode
from exchange_wrapper.errors import ApiUsageError, Forbidden, XWrapError

__all__ = ["MESSAGE_BYTES_MAX", "HubPort"]

MESSAGE_BYTES_MAX: Final = 1 << 16


class HubPort:
    """Post messages that come as text, and send those of the hub that somebody wants to hear.

    Close it, or use it in a ``with`` block.

    Parameters
    ----------
    hub : Hub
    send : callable
        Gets each message that goes out, as JSON text; it must not block.
    accepts : sequence of str
        Patterns of the methods that may be posted from outside, such as ``component.*``.
    hears : sequence of str
        Patterns of the methods that are sent out: ``provider.method``, ``provider.*`` or ``*``.
    """

    def __init__(
        self,
        hub: Hub,
        send: Callable[[str], None],
        *,
        accepts: Sequence[str],
        hears: Sequence[str] = (),
    ) -> None:
        self._hub = hub
        self._send = send
        self._accepts = tuple(accepts)
        self._hears = tuple(hears)
        for pattern in self._hears:
            hub.on(pattern, self._tell)

    def receive(self, text: str | bytes) -> None:
        """Post the call that ``text`` holds; whoever sent it gets the result, or what is wrong.

        An answer goes by the ``response_method`` of the call. What can't be read is answered by a
        failure of the method ``error``.
        """
        try:
            call = self._read(text)
        except XWrapError as error:
            self._tell(Failure("error", ErrorBody.of(error)))
            return
        response = call.response_method
        if not any(fnmatchcase(call.method, pattern) for pattern in self._accepts):
            refusal = Forbidden(f"{call.method} can't be posted from outside")
            self._tell(Failure(response or "error", ErrorBody.of(refusal)))
        elif response is None:
            self._hub.notify(call.method, *call.params)
        else:
            # The hub gives the call a name of its own: one from outside could be taken already.
            self._hub.call(
                call.method, *call.params, reply=lambda answer: self._answer(response, answer)
            )

    def close(self) -> None:
        """Send nothing more of what the hub delivers."""
        for pattern in self._hears:
            self._hub.off(pattern, self._tell)
        self._hears = ()

    def __enter__(self) -> "HubPort":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, text: str | bytes) -> Call:
        size = len(text.encode(errors="replace")) if isinstance(text, str) else len(text)
        if size > MESSAGE_BYTES_MAX:
            raise ApiUsageError(f"a message may have {MESSAGE_BYTES_MAX:,} bytes, not {size:,}")
        message = decode(text)
        if not isinstance(message, Call):
            raise ApiUsageError("only calls and notifications can be posted")
        return message

    def _answer(self, response: str, answer: Message) -> None:
        if isinstance(answer, Result):
            self._tell(Result(response, answer.result))
        elif isinstance(answer, Failure):
            self._tell(Failure(response, answer.error))

    def _tell(self, message: Message) -> None:
        self._send(encode(message).decode())
