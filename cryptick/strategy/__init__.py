"""Strategies: the base class, those that come with Cryptick, and how one is found by its name."""

import importlib
import importlib.util
import pkgutil
import sys
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from cryptick.errors import UnknownStrategy
from cryptick.strategy.base import Strategy, param

__all__ = ["Strategy", "find_strategy", "param", "shipped_strategies"]


def shipped_strategies() -> dict[str, type[Strategy]]:
    """Return the strategies of this package by name, sorted."""
    found: dict[str, type[Strategy]] = {}
    for module in pkgutil.iter_modules(__path__):
        found |= _strategies_in(importlib.import_module(f"{__name__}.{module.name}"))
    return dict(sorted(found.items()))


def find_strategy(name: str) -> type[Strategy]:
    """Return a strategy by its class name, or from a file as ``./my_strategy.py:MyStrategy``.

    Case does not matter, and ``Strategy`` at the end may be left out.

    Raises
    ------
    UnknownStrategy
        There is none of that name (the nearest ones are named), or its file can't be loaded.
    """
    path, colon, class_name = name.rpartition(":")
    if colon or name.endswith(".py"):
        return _from_file(Path(path if colon else name), class_name if colon else "")
    return _pick(name, shipped_strategies(), "no strategy is called")


def _folded(name: str) -> str:
    """Return what is compared of a name: ``hodl`` of ``HodlStrategy``."""
    return name.lower().removesuffix("strategy")


def _from_file(path: Path, class_name: str) -> type[Strategy]:
    name = f"strategy_file_{path.stem}"  # never the name of a module that exists
    spec = importlib.util.spec_from_file_location(name, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise UnknownStrategy(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a user's file may raise
        reason = f"{type(error).__name__}: {error}"
        raise UnknownStrategy(f"{path} can't be loaded: {reason}") from error
    found = _strategies_in(module)
    if not class_name:
        if len(found) == 1:
            return next(iter(found.values()))
        names = ", ".join(found) or "none"
        raise UnknownStrategy(f"name the strategy as {path}:Class; there are {names}")
    return _pick(class_name, found, f"{path} has no strategy")


def _strategies_in(module: ModuleType) -> dict[str, type[Strategy]]:
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, Strategy)
        and value is not Strategy
        and value.__module__ == module.__name__
    }


def _pick(name: str, found: dict[str, type[Strategy]], complaint: str) -> type[Strategy]:
    by_folded = {_folded(known): strategy for known, strategy in found.items()}
    strategy = by_folded.get(_folded(name))
    if strategy is not None:
        return strategy
    near = get_close_matches(_folded(name), by_folded, n=3, cutoff=0.5)
    names = ", ".join(by_folded[folded].__name__ for folded in near) or ", ".join(found) or "none"
    hint = "did you mean" if near else "there are"
    raise UnknownStrategy(f"{complaint} {name!r}; {hint} {names}{'?' if near else ''}")
