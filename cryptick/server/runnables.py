"""Which strategies can be run: those that come with Cryptick, and those of a directory."""

import logging
import re
from pathlib import Path
from typing import Any, Final

from cryptick.editing.drafts import Drafts
from cryptick.errors import UnknownStrategy
from cryptick.request import describe_params
from cryptick.strategy import Strategy, find_strategy, shipped_strategies
from exchange_wrapper.errors import UnknownName

__all__ = ["Runnables"]

_log = logging.getLogger("cryptick.runnables")

_CLASS: Final = re.compile(r"^class ([A-Za-z_]\w*)\(", re.MULTILINE)


class Runnables:
    """Find strategies by name.

    The files of the directory are imported to read their parameters, so it is for code that is
    trusted as the server itself is.

    Parameters
    ----------
    directory : Path, optional
    drafts : Drafts, optional
        Versions that can be run as ``MyStrategy@3``, beside the promoted ones.
    """

    def __init__(self, directory: Path | None, drafts: Drafts | None = None) -> None:
        self._directory = directory
        self._drafts = drafts

    def all(self) -> list[dict[str, Any]]:
        """Describe all strategies, by name."""
        found = dict(shipped_strategies())
        for spec in self._files():
            try:
                own = find_strategy(spec)
            except UnknownStrategy as error:
                _log.warning("%s", error.message)
                continue
            found.setdefault(own.__name__, own)
        return [self._describe(name, strategy) for name, strategy in sorted(found.items())]

    def find(self, name: str) -> tuple[str, type[Strategy]]:
        """Return a strategy and what `find_strategy` finds it by in another process.

        Raises
        ------
        UnknownName
            There is none of this name.
        """
        draft, at, version = name.partition("@")
        if at and self._drafts is not None and version.isdecimal() and len(version) < 5:
            spec = f"{self._drafts.file(draft, int(version))}:{draft}"
            return spec, find_strategy(spec)
        if not name.isidentifier():  # a path is not for callers from outside
            raise UnknownStrategy(f"no strategy is called {name!r}", field="name")
        for spec in self._files():
            if spec.rpartition(":")[2] == name:
                return spec, find_strategy(spec)
        try:
            strategy = find_strategy(name)
        except UnknownName as error:
            raise UnknownStrategy(error.message, field="name") from None
        return strategy.__name__, strategy

    def name_of(self, spec: str) -> str:
        """Return the name that `find` finds again what it has found."""
        path, _, name = spec.rpartition(":")
        found = self._drafts.find(Path(path)) if self._drafts is not None else None
        return name if found is None else f"{name}@{found[1]}"

    def parameters(self, name: str) -> list[dict[str, Any]]:
        """Describe the parameters of a strategy; see ``describe_params``."""
        return describe_params(self.find(name)[1])

    def _files(self) -> list[str]:
        """Return each class in the directory's files that may be a strategy, as ``path:Class``."""
        if self._directory is None:
            return []
        return [
            f"{path.resolve()}:{name}"
            for path in sorted(self._directory.glob("*.py"))
            for name in _CLASS.findall(path.read_text(encoding="utf-8", errors="replace"))
        ]

    def _describe(self, name: str, strategy: type[Strategy]) -> dict[str, Any]:
        text = (strategy.__doc__ or "").strip()
        return {
            "name": name,
            "description": text.partition("\n")[0],
            "parameters": len(describe_params(strategy)),
        }
