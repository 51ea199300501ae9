"""The registry of API methods: one typed method drives JSON-RPC, HTTP, checks and descriptions.

A method is a keyword-only function with annotations and a docstring, marked with ``api_method``::

    @api_method(http="/{exchange}/pricing")
    def get_pricing(self, *, exchange: str) -> dict[str, object]:
        \"\"\"Return the best bid and ask of each pair of an exchange.\"\"\"

Its signature is its contract: arguments are converted to the annotated types, unknown ones and
wrong types are refused by name. A method that names ``connection_id`` gets the caller's; nobody can
pass it from outside. One that takes ``**kwargs`` gets all arguments as they came.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from exchange_wrapper.errors import ApiUsageError, MethodNotFoundError

__all__ = ["HTTP_PREFIX", "Api", "Method", "api_method"]

HTTP_PREFIX: Final = "/xwrap/v1"

_ROUTE = "__api_route__"
_CONNECTION: Final = "connection_id"

F = TypeVar("F", bound=Callable[..., Any])


def api_method(*, http: str | None = None) -> Callable[[F], F]:
    """Mark a method as part of the API.

    Parameters
    ----------
    http : str, optional
        Path of its GET route below ``/xwrap/v1``; ``{name}`` parts are arguments, the others come
        from the query.
    """

    def mark(function: F) -> F:
        setattr(function, _ROUTE, None if http is None else HTTP_PREFIX + http)
        return function

    return mark


@dataclass(frozen=True)
class Method:
    """One method of the API, bound to its service.

    Attributes
    ----------
    parameters : type of msgspec.Struct, or None
        Arguments as a typed record; None for a method that takes any.
    route : str or None
        Path of its HTTP route; ``{name}`` parts are arguments.
    """

    name: str
    call: Callable[..., Any | Awaitable[Any]]
    parameters: type[msgspec.Struct] | None
    wants_connection: bool
    doc: str
    route: str | None

    def arguments(self, given: Mapping[str, Any], *, text: bool = False) -> dict[str, Any]:
        """Check and convert arguments.

        Parameters
        ----------
        text : bool
            Whether the values are text from a URL, so that ``"5"`` is a fine integer.

        Raises
        ------
        ApiUsageError
            Unknown, missing or of a wrong type; ``data["field"]`` names it.
        """
        if self.parameters is None:
            if _CONNECTION in given:
                raise ApiUsageError(f"{_CONNECTION} can't be passed", field=_CONNECTION)
            return dict(given)
        try:
            record = msgspec.convert(given, self.parameters, strict=not text)
        except msgspec.ValidationError as error:
            raise _usage_error(self.name, str(error)) from None
        return {name: getattr(record, name) for name in record.__struct_fields__}

    def __call__(self, arguments: dict[str, Any], connection_id: int | None) -> Any:
        """Call with checked arguments; the result may be awaitable."""
        if self.wants_connection:
            return self.call(connection_id=connection_id, **arguments)
        return self.call(**arguments)


class Api:
    """All methods that a service marked with ``api_method``, by name."""

    def __init__(self, service: object) -> None:
        self.methods: dict[str, Method] = {
            name: _method(name, getattr(service, name))
            for name, function in inspect.getmembers(type(service), inspect.isfunction)
            if hasattr(function, _ROUTE)
        }

    def method(self, name: str) -> Method:
        """Return a method.

        Raises
        ------
        MethodNotFoundError
            None has this name.
        """
        try:
            return self.methods[name]
        except KeyError:
            raise MethodNotFoundError("Method not found", method=name) from None

    async def call(
        self, name: str, given: Mapping[str, Any], connection_id: int | None = None
    ) -> Any:
        """Check the arguments, call the method and wait for its result."""
        method = self.method(name)
        result = method(method.arguments(given), connection_id)
        return await result if inspect.isawaitable(result) else result

    def uri_map(self) -> list[dict[str, str]]:
        """Return each HTTP route with its method's description."""
        return [
            {"uri": method.route, "methods": "GET", "name": method.name, "doc": method.doc}
            for method in self.methods.values()
            if method.route is not None
        ]


def _method(name: str, bound: Callable[..., Any]) -> Method:
    signature = inspect.signature(bound, eval_str=True)
    parameters = {key: value for key, value in signature.parameters.items() if key != _CONNECTION}
    takes_any = any(value.kind is value.VAR_KEYWORD for value in parameters.values())
    assert all(
        value.kind in (value.VAR_KEYWORD, value.KEYWORD_ONLY) for value in parameters.values()
    )
    fields: list[Any] = [
        (key, value.annotation)
        if value.default is value.empty
        else (key, value.annotation, value.default)
        for key, value in parameters.items()
    ]
    return Method(
        name=name,
        call=bound,
        parameters=None
        if takes_any
        else msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=True),
        wants_connection=_CONNECTION in signature.parameters,
        doc=inspect.getdoc(bound) or "",
        route=getattr(bound, _ROUTE),
    )


_FIELD_IN_MESSAGE: Final = re.compile(r"field `([^`]+)`")
_PATH_IN_MESSAGE: Final = re.compile(r" - at `\$\.?([^`]*)`$")


def _usage_error(method: str, message: str) -> ApiUsageError:
    """Turn msgspec's message into ours: `Expected `int`, got `str` - at `$.cancel_after``."""
    path = _PATH_IN_MESSAGE.search(message)
    named = _FIELD_IN_MESSAGE.search(message)
    where = path[1] if path else ""
    text = message[: path.start()] if path else message
    if named:
        field = f"{where}.{named[1]}" if where else named[1]
        kind = "unknown" if "unknown field" in text else "missing"
        return ApiUsageError(f"{method}: {kind} argument {field}", field=field)
    return ApiUsageError(f"{method}: {where}: {text[:1].lower()}{text[1:]}", field=where)
