"""The registry of API methods: one typed method drives JSON-RPC, HTTP, checks and descriptions.

A method is a keyword-only function with annotations and a docstring, marked with ``api_method``::

    @api_method(Role.VIEWER, get="/{exchange}/pricing")
    def get_pricing(self, *, exchange: str) -> dict[str, object]:
        \"\"\"Return the best bid and ask of each pair of an exchange.\"\"\"

Its signature is its contract: arguments are converted to the annotated types; unknown ones, wrong
types and integers beyond ±(2⁵³ − 1) are refused by name. A method that names ``connection_id`` gets
the caller's, one that names ``caller`` the ``Caller``; nobody can pass them from outside. One that
takes ``**kwargs`` gets all arguments as they came.

A caller who is limited to one wallet set may only call what is about that one: the argument
``wallet_set_id`` or ``set_id`` names it. A method that takes ``caller`` finds it out by itself, and
one that is marked ``funds=False`` is open to all.
"""

import asyncio
import inspect
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin

import msgspec

from exchange_wrapper.errors import ApiUsageError, MethodNotFoundError, XWrapError
from exchange_wrapper.numbers import is_plain
from serving.durations import Durations
from serving.roles import LOCAL_ADMIN, Identity, Role, authorise
from serving.wire import error_name

__all__ = [
    "About",
    "Amount",
    "Api",
    "Caller",
    "Method",
    "Page",
    "Role",
    "Route",
    "Tag",
    "api_method",
]

_MARK: Final = "__api_mark__"
_CONNECTION: Final = "connection_id"
_CALLER: Final = "caller"
_SET_NAMES: Final = ("wallet_set_id", "set_id")

# What every JSON reader takes exactly; seconds or microseconds of any date fit in.
_INTEGER_MAX: Final = (1 << 53) - 1
_Integer = Annotated[int, msgspec.Meta(ge=-_INTEGER_MAX, le=_INTEGER_MAX)]


class Amount(Decimal):
    """A decimal number as it comes in: plain text, or a JSON number.

    Arguments that are ``Decimal`` are read as this; a record among arguments names it itself.
    """


class Page(msgspec.Struct, frozen=True):
    """What a method answers that has a page for people, in HTML, over HTTP only.

    It may have scripts and styles of its own, and is kept from everything else of this service.
    """

    html: bytes


F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls a method.

    Attributes
    ----------
    connection_id : int or None
        The websocket it came by; None over HTTP.
    identity : Identity or None
        None for somebody who showed no credentials.
    address : str
        Where they are, if it is known.
    """

    connection_id: int | None = None
    identity: Identity | None = LOCAL_ADMIN
    address: str = ""

    @property
    def limited_to(self) -> int | None:
        """The only wallet set they may see and trade; None for no such limit."""
        return None if self.identity is None else self.identity.wallet_set_id

    def check_wallet_set(self, wallet_set_id: int | None) -> None:
        """Refuse those who are limited to another wallet set than this one.

        Raises
        ------
        Forbidden
            They are.
        """
        authorise(self.identity, Role.VIEWER, wallet_set_id)


@dataclass(frozen=True, slots=True)
class Tag:
    """A chapter of the API's description: the routes with one of ``parts`` in their path.

    Without parts it is for all routes that no other tag is for.
    """

    name: str
    text: str
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class About:
    """How a service describes its API.

    Attributes
    ----------
    prefix : str
        Of the path of every route, such as ``/xwrap/v1``.
    tags : tuple of Tag
        The first one that fits counts.
    """

    title: str = "API"
    version: str = ""
    prefix: str = ""
    description: str = ""
    tags: tuple[Tag, ...] = (Tag("service", "The service"),)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a method is found on HTTP.

    Attributes
    ----------
    verb : str
        ``GET`` or ``DELETE``, with arguments from path and query, ``POST`` or ``PUT``, from path
        and JSON body.
    path : str
        ``{name}`` parts are arguments.
    """

    verb: str
    path: str

    @property
    def has_body(self) -> bool:
        """Whether arguments come in a body."""
        return self.verb in ("POST", "PUT")

    @property
    def names(self) -> tuple[str, ...]:
        """The arguments in the path."""
        return tuple(_PATH_NAME.findall(self.path))


_PATH_NAME: Final = re.compile(r"\{(\w+)\}")


def api_method(
    role: Role,
    *,
    get: str | None = None,
    post: str | None = None,
    put: str | None = None,
    delete: str | None = None,
    funds: bool = True,
    at_once: bool = False,
) -> Callable[[F], F]:
    """Mark a method as part of the API.

    Parameters
    ----------
    role : Role
        The least that a caller must have.
    get, post, put, delete : str, optional
        Path of its HTTP route below the service's prefix; one of them at most.
    funds : bool
        Whether it reads or changes funds or orders, so that a limit to one wallet set matters.
    at_once : bool
        Whether it has done everything on return, and its answer waits only until that is stored:
        then the call is recorded on return, to be stored together with what it did.
    """
    verbs = {"GET": get, "POST": post, "PUT": put, "DELETE": delete}
    routes = [Route(verb, path) for verb, path in verbs.items() if path is not None]
    assert len(routes) <= 1
    route = routes[0] if routes else None

    def mark(function: F) -> F:
        setattr(function, _MARK, (role, route, funds, at_once))
        return function

    return mark


@dataclass(frozen=True)
class Method:
    """One method of the API, bound to its service.

    Attributes
    ----------
    parameters : type of msgspec.Struct, or None
        Arguments as a typed record; None for a method that takes any.
    returns : type
        What it answers, once it has been waited for.
    route : Route or None
    durations : Durations
        Of its calls so far.
    outcomes : dict of str to int
        Calls so far: ``ok``, or the error's name.
    """

    name: str
    call: Callable[..., Any | Awaitable[Any]]
    parameters: type[msgspec.Struct] | None
    returns: Any
    wants_connection: bool
    wants_caller: bool
    doc: str
    role: Role
    route: Route | None
    funds: bool
    at_once: bool
    durations: Durations = field(default_factory=Durations)
    outcomes: dict[str, int] = field(default_factory=dict)

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
            record = msgspec.convert(given, self.parameters, strict=not text, dec_hook=_read_amount)
        except msgspec.ValidationError as error:
            raise _usage_error(self.name, str(error)) from None
        return {name: getattr(record, name) for name in record.__struct_fields__}

    @property
    def changes(self) -> bool:
        """Whether it changes anything that is kept."""
        return self.role is not Role.VIEWER and self.route is not None

    def count(self, started: float, error: Exception | None = None) -> None:
        """Note that a call, begun at ``started`` of ``time.perf_counter``, has ended."""
        self.durations.add(time.perf_counter() - started)
        if error is None:
            outcome = "ok"
        else:
            outcome = error_name(type(error)) if isinstance(error, XWrapError) else "internal"
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1


Recorder = Callable[[Caller, str, Mapping[str, Any], Exception | None], asyncio.Future[None] | None]


class Api:
    """All methods that a service marked with ``api_method``, by name.

    Parameters
    ----------
    about : About
        What the service says of itself; its prefix is that of all routes.
    record : callable, optional
        Gets caller, method, arguments and error of each call that was to change something, when it
        has ended, or done everything at once. If it returns a future, the caller gets its result
        only when that is done.
    """

    def __init__(
        self, service: object, record: Recorder | None = None, *, about: About = About()
    ) -> None:
        self.about = about
        self._record = record
        self.methods: dict[str, Method] = {
            name: _method(name, getattr(service, name), about.prefix)
            for name, function in inspect.getmembers(type(service), inspect.isfunction)
            if hasattr(function, _MARK)
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

    def start(
        self, method: Method, given: Mapping[str, Any], caller: Caller, *, text: bool = False
    ) -> Any:
        """Check caller and arguments, and call a method: the one way in, whatever the protocol.

        Returns
        -------
        object
            The result, or an awaitable of it. What a method does before it has to wait is done on
            return.

        Raises
        ------
        Unauthorised, Forbidden
            The caller may not do this.
        ApiUsageError
            The arguments are wrong.
        """
        started = time.perf_counter()
        try:
            # Before the arguments are looked at, and again once they tell the wallet set.
            authorise(caller.identity, method.role, funds=False)
            arguments = method.arguments(given, text=text)
            if method.funds and not method.wants_caller:
                caller.check_wallet_set(_wallet_set(arguments))
            if method.wants_connection:
                arguments[_CONNECTION] = caller.connection_id
            if method.wants_caller:
                arguments[_CALLER] = caller
            result = method.call(**arguments)
        except Exception as error:
            self._ended(method, given, caller, started, error)
            raise
        if not inspect.isawaitable(result):
            self._ended(method, given, caller, started)
            return result
        if method.at_once:
            self._note(method, given, caller)
            return self._store(method, result, started)
        return self._finish(method, given, caller, result, started)

    async def _store(self, method: Method, result: Awaitable[Any], started: float) -> Any:
        try:
            value = await result
        except Exception as error:
            method.count(started, error)
            raise
        method.count(started)
        return value

    async def _finish(
        self,
        method: Method,
        given: Mapping[str, Any],
        caller: Caller,
        result: Awaitable[Any],
        started: float,
    ) -> Any:
        try:
            value = await result
        except Exception as error:
            self._ended(method, given, caller, started, error)
            raise
        recorded = self._ended(method, given, caller, started)
        if recorded is not None:
            await recorded
        return value

    def _ended(
        self,
        method: Method,
        given: Mapping[str, Any],
        caller: Caller,
        started: float,
        error: Exception | None = None,
    ) -> asyncio.Future[None] | None:
        method.count(started, error)
        return self._note(method, given, caller, error)

    def _note(
        self,
        method: Method,
        given: Mapping[str, Any],
        caller: Caller,
        error: Exception | None = None,
    ) -> asyncio.Future[None] | None:
        if self._record is not None and method.changes and caller.identity is not None:
            return self._record(caller, method.name, given, error)
        return None

    async def call(self, name: str, given: Mapping[str, Any], caller: Caller | None = None) -> Any:
        """Call a method by name and wait for its result."""
        result = self.start(self.method(name), given, caller or Caller())
        return await result if inspect.isawaitable(result) else result

    def uri_map(self) -> list[dict[str, str]]:
        """Return each HTTP route with its method's description."""
        return [
            {
                "uri": method.route.path,
                "methods": method.route.verb,
                "name": method.name,
                "doc": method.doc,
            }
            for method in self.methods.values()
            if method.route is not None
        ]


def _wallet_set(arguments: Mapping[str, Any]) -> int | None:
    named = (arguments[name] for name in _SET_NAMES if name in arguments)
    return next(named, None)


def _method(name: str, bound: Callable[..., Any], prefix: str) -> Method:
    signature = inspect.signature(bound, eval_str=True)
    parameters = {
        key: value
        for key, value in signature.parameters.items()
        if key not in (_CONNECTION, _CALLER)
    }
    takes_any = any(value.kind is value.VAR_KEYWORD for value in parameters.values())
    assert all(
        value.kind in (value.VAR_KEYWORD, value.KEYWORD_ONLY) for value in parameters.values()
    )
    fields: list[Any] = [
        (key, _bounded(value.annotation))
        if value.default is value.empty
        else (key, _bounded(value.annotation), value.default)
        for key, value in parameters.items()
    ]
    role, route, funds, at_once = getattr(bound, _MARK)
    return Method(
        name=name,
        call=bound,
        parameters=None
        if takes_any
        else msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=True),
        returns=_awaited(signature.return_annotation),
        wants_connection=_CONNECTION in signature.parameters,
        wants_caller=_CALLER in signature.parameters,
        doc=inspect.getdoc(bound) or "",
        role=role,
        route=None if route is None else Route(route.verb, prefix + route.path),
        funds=funds,
        at_once=at_once,
    )


def _bounded(annotation: Any) -> Any:
    for plain, bounded in ((int, _Integer), (Decimal, Amount)):
        if annotation == plain:
            return bounded
        if annotation == plain | None:
            return bounded | None
    return annotation


def _read_amount(kind: type, value: object) -> Amount:
    assert kind is Amount
    if isinstance(value, str) and is_plain(value):
        return Amount(value)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Amount(value)
    raise ValueError('Expected a plain decimal number such as "0.25"')


def _awaited(returns: Any) -> Any:
    for each in (returns, *get_args(returns)):
        if get_origin(each) is Awaitable:
            return get_args(each)[0]
    return returns


_FIELD_IN_MESSAGE: Final = re.compile(r"field `(.*)`", re.DOTALL)
_PATH_IN_MESSAGE: Final = re.compile(r" - at `\$\.?([^`]*)`$")


def _usage_error(method: str, message: str) -> ApiUsageError:
    """Turn msgspec's message into ours: `Expected `int`, got `str` - at `$.cancel_after``."""
    path = _PATH_IN_MESSAGE.search(message)
    where = path[1] if path else ""
    text = message[: path.start()] if path else message
    named = _FIELD_IN_MESSAGE.search(text)
    if named:
        field = f"{where}.{named[1]}" if where else named[1]
        kind = "unknown" if "unknown field" in text else "missing"
        return ApiUsageError(f"{method}: {kind} argument {field}", field=field)
    return ApiUsageError(f"{method}: {where}: {text[:1].lower()}{text[1:]}", field=where)
