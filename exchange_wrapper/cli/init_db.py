"""``init_db``: create the database of orders and wallets."""

import argparse
from pathlib import Path

from exchange_wrapper.db import create_database
from exchange_wrapper.models import MODELS

__all__ = ["add_parser", "run"]


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "init_db",
        help="create the database of orders and wallets",
        description="Create the database of orders and wallets, or the tables it lacks. "
        "What is in it stays as it is.",
    )
    parser.add_argument("path", type=Path, metavar="PATH", help="the file, as SQLITE_DB names it")


def run(args: argparse.Namespace) -> int:
    """Create the database."""
    created = create_database(args.path, MODELS)
    for model in created:
        print(f"Create Table for {model.__name__}")
    if not created:
        print(f"{args.path} has all tables already")
    return 0
