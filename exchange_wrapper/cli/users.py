"""``users``: who may use the service, on its database itself."""

import argparse
import getpass
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from exchange_wrapper.config import Config
from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.times import SECOND, UtcNs, to_iso
from exchange_wrapper.users.accounts import UserInfo
from exchange_wrapper.users.passwords import check_password
from exchange_wrapper.users.service import Users
from exchange_wrapper.users.service_tokens import TokenInfo
from serving.roles import LOCAL_ADMIN, Role

__all__ = ["add_parser", "run"]

_DAY_NS: Final = 86_400 * SECOND

_Handler = Callable[[Users, argparse.Namespace, UtcNs], dict[str, Any]]


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "users",
        help="users, service tokens and the audit log",
        description="Manage who may use the service, also while it runs. Whoever may write its "
        "database may do this: no login is asked for.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--db", type=Path, metavar="PATH", help="the database (else SQLITE_DB)")
    common.add_argument("--config", type=Path, metavar="PATH", help="a configuration that names it")
    common.add_argument("--json", action="store_true", help="answer in JSON")

    def action(name: str, text: str, handler: _Handler, *, of: Any = actions) -> Any:
        added = of.add_parser(name, help=text, description=text, parents=[common])
        added.set_defaults(handler=handler)
        return added

    roles = {"choices": [role.value for role in Role], "metavar": "|".join(Role)}
    add = action("add", "add a user; the password is generated and shown once", _add)
    add.add_argument("name")
    add.add_argument("--role", default=Role.VIEWER.value, **roles, help="default: %(default)s")
    _add_password_stdin(add)
    action("list", "list the users", _list)
    passwd = action("passwd", "give a user another password; ends the sessions", _passwd)
    passwd.add_argument("name")
    how = passwd.add_mutually_exclusive_group()
    how.add_argument("--generate", action="store_true", help="make one up and show it once")
    _add_password_stdin(how)
    disable = action("disable", "keep a user from logging in, at once", _disable)
    disable.add_argument("name")
    action("enable", "let a user log in again", _enable).add_argument("name")
    role = action("role", "give a user another role; ends the sessions", _role)
    role.add_argument("name")
    role.add_argument("role", **roles)
    audit = action("audit", "show the newest changes", _audit)
    audit.add_argument("--limit", type=int, default=20, metavar="ROWS", help="default: %(default)s")
    audit.add_argument("--who", metavar="NAME", help="only those made by this one")
    audit.add_argument("--before", type=int, metavar="ID", help="only those before this row")

    token = actions.add_parser("token", help="service tokens", description="Manage service tokens.")
    tokens = token.add_subparsers(dest="token_action", metavar="ACTION", required=True)
    add = action("add", "make a token and show it once", _token_add, of=tokens)
    add.add_argument("name")
    add.add_argument("--role", default=Role.VIEWER.value, **roles, help="default: %(default)s")
    add.add_argument("--wallet-set", type=int, metavar="ID", help="the only one it may use")
    add.add_argument("--days", type=int, metavar="N", help="how long it is valid (default: ever)")
    action("list", "list the tokens", _token_list, of=tokens)
    action("revoke", "end a token, at once", _token_revoke, of=tokens).add_argument("name")


def run(args: argparse.Namespace) -> int:
    """Carry out one action."""
    with Users(_database(args)) as users:
        result = args.handler(users, args, UtcNs(time.time_ns()))
    if args.json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        _show(result)
    return 0


def _add_password_stdin(parser: Any) -> None:
    parser.add_argument(
        "--password-stdin", action="store_true", help="read it from the first line of the input"
    )


def _database(args: argparse.Namespace) -> Path:
    if args.db is not None:
        return Path(args.db)
    config = Config()
    if args.config is not None:
        config.load(args.config)
    named = config.getenv("SQLITE_DB")
    if not named:
        raise ApiUsageError("which database? Name it by --db, --config or SQLITE_DB")
    return Path(named)


def _add(users: Users, args: argparse.Namespace, now: UtcNs) -> dict[str, Any]:
    given = _read_line() if args.password_stdin else None
    role = Role(args.role)
    generated = users.accounts.add(args.name, role, now, by=LOCAL_ADMIN, password=given)
    return _told(f"added {args.name.lower()} ({role})", name=args.name.lower(), password=generated)


def _list(users: Users, args: argparse.Namespace, now: UtcNs) -> dict[str, Any]:
    return {"users": [_plain(user) for user in users.accounts.list_users()]}


def _passwd(users: Users, args: argparse.Namespace, now: UtcNs) -> dict[str, Any]:
    if args.generate:
        given = None
    else:
        given = _read_line() if args.password_stdin else _ask_twice(args.name)
    generated = users.accounts.set_password(args.name, now, by=LOCAL_ADMIN, password=given)
    return _told(
        f"{args.name.lower()} has a new password", name=args.name.lower(), password=generated
    )


def _disable(users: Users, args: argparse.Namespace, now: UtcNs) -> dict[str, Any]:
    users.accounts.set_disabled(args.name, True, now, by=LOCAL_ADMIN)
    return _told(f"{args.name.lower()} can't log in any more", name=args.name.lower())


def _enable(users: Users, args: argparse.Namespace, now: UtcNs) -> dict[str, Any]:
    users.accounts.set_disabled(args.name, False, now, by=LOCAL_ADMIN)
    return _told(f"{args.name.lower()} can log in again", name=args.name.lower())


def _role(users: Users, args: argparse.Namespace, now: UtcNs) -> dict[str, Any]:
    users.accounts.set_role(args.name, Role(args.role), now, by=LOCAL_ADMIN)
    return _told(f"{args.name.lower()} is {args.role} now", name=args.name.lower(), role=args.role)


def _audit(users: Users, args: argparse.Namespace, now: UtcNs) -> dict[str, Any]:
    return {"audit": users.read_audit(limit=args.limit, who=args.who, before_id=args.before)}


def _token_add(users: Users, args: argparse.Namespace, now: UtcNs) -> dict[str, Any]:
    token = users.service_tokens.add(
        args.name,
        Role(args.role),
        now,
        by=LOCAL_ADMIN,
        wallet_set_id=args.wallet_set,
        expires_at=None if args.days is None else UtcNs(now + args.days * _DAY_NS),
    )
    return _told(f"added token {args.name.lower()}", name=args.name.lower(), token=token)


def _token_list(users: Users, args: argparse.Namespace, now: UtcNs) -> dict[str, Any]:
    return {"tokens": [_plain(token) for token in users.service_tokens.list_tokens()]}


def _token_revoke(users: Users, args: argparse.Namespace, now: UtcNs) -> dict[str, Any]:
    users.service_tokens.revoke(args.name, now, by=LOCAL_ADMIN)
    return _told(f"token {args.name.lower()} is no longer valid", name=args.name.lower())


def _told(message: str, **values: str | None) -> dict[str, Any]:
    return {"message": message} | {key: each for key, each in values.items() if each is not None}


def _plain(info: UserInfo | TokenInfo) -> dict[str, Any]:
    return {
        name: to_iso(value) if name.endswith("_at") and value is not None else value
        for name, value in asdict(info).items()
    }


def _read_line() -> str:
    return sys.stdin.readline().rstrip("\r\n")


def _ask_twice(name: str) -> str:
    if not sys.stdin.isatty():
        raise ApiUsageError("no terminal to ask at: use --password-stdin or --generate")
    password = getpass.getpass(f"New password for {name}: ")
    check_password(name, password)  # before asking again
    if getpass.getpass("Again: ") != password:
        raise ApiUsageError("the two passwords differ; nothing was changed")
    return password


def _show(result: dict[str, Any]) -> None:
    if "message" in result:
        print(result["message"])
        for secret in ("password", "token"):
            if secret in result:
                print(f"{secret}, shown this once: {result[secret]}")
        return
    (rows,) = result.values()
    if not rows:
        print("none")
        return
    width = None if sys.stdout.isatty() else 200
    console = Console(width=width, highlight=False, markup=False, emoji=False)
    console.print(_table(rows))


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(name.removesuffix("_at").replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    return table


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
