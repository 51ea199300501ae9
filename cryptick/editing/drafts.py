"""The strategies that people write in the page, each as a row of versions that never change."""

import os
import re
from pathlib import Path
from typing import Final

import msgspec

from exchange_wrapper.errors import ApiUsageError, DataError, UnknownName

__all__ = ["Draft", "Drafts", "Version"]

_NAME: Final = re.compile(r"[A-Z][A-Za-z0-9]{0,59}")
_TEXT_MAX: Final = 256 << 10  # bytes
_VERSIONS_MAX: Final = 1000
_DRAFTS_MAX: Final = 200
_KEPT: Final = "versions.json"


class Version(msgspec.Struct, frozen=True):
    """What is known of a saved version: its number from 1, when it was saved, by whom, and why."""

    version: int
    saved_at: str
    saved_by: str
    note: str = ""


class Draft(msgspec.Struct, frozen=True):
    """A strategy with its versions, the oldest first.

    Attributes
    ----------
    name : str
        Of its class.
    promoted : int or None
        The version that everybody can run.
    """

    name: str
    versions: tuple[Version, ...] = ()
    promoted: int | None = None

    @property
    def newest(self) -> int:
        """The newest version's number."""
        return self.versions[-1].version


class Drafts:
    """Keep drafts in a directory, and those that are promoted in the one of strategies.

    Parameters
    ----------
    folder : Path
        Made when the first draft is saved.
    strategies : Path
        Where promoted files go, as ``MyStrategy.py``.
    """

    def __init__(self, folder: Path, strategies: Path) -> None:
        self._folder = folder.resolve()
        self._strategies = strategies

    def all(self) -> list[Draft]:
        """Return all drafts by name."""
        if not self._folder.is_dir():
            return []
        return [
            self.get(path.name)
            for path in sorted(self._folder.iterdir())
            if _NAME.fullmatch(path.name) and (path / _KEPT).is_file()
        ]

    def get(self, name: str) -> Draft:
        """Return a draft.

        Raises
        ------
        UnknownName
            There is none of this name.
        DataError
            What is kept of it can't be read.
        """
        try:
            return msgspec.json.decode((self._path(name) / _KEPT).read_bytes(), type=Draft)
        except FileNotFoundError:
            raise UnknownName(f"no strategy {name} has been written here", field="name") from None
        except msgspec.DecodeError as error:
            raise DataError(f"the versions of {name} can't be read: {error}") from None

    def file(self, name: str, version: int) -> Path:
        """Return the file of a version.

        Raises
        ------
        UnknownName
            There is no such draft, or it has no such version.
        """
        if version not in (each.version for each in self.get(name).versions):
            raise UnknownName(f"{name} has no version {version}", field="version")
        return self._path(name) / f"{name}_{version}.py"

    def find(self, path: Path) -> tuple[str, int] | None:
        """Return whose file this is, None if it is none of a draft."""
        name, _, version = path.stem.rpartition("_")
        if path.parent != self._folder / name or not version.isdecimal():
            return None
        return name, int(version)

    def save(self, name: str, text: str, version: int, saved_at: str, by: str, note: str) -> Draft:
        """Save a new version.

        Parameters
        ----------
        version : int
            The newest one that the writer knew; 0 of a new strategy.

        Raises
        ------
        ApiUsageError
            The name or the text can't be, or somebody else has saved meanwhile.
        """
        if not _NAME.fullmatch(name):
            raise ApiUsageError(
                "a strategy is named like a class, such as MyStrategy: a capital letter, then "
                "letters and digits",
                field="name",
            )
        if len(text.encode()) > _TEXT_MAX:
            raise ApiUsageError(f"a strategy has at most {_TEXT_MAX >> 10} kB", field="text")
        try:
            draft = self.get(name)
        except UnknownName:
            draft = Draft(name)
            if len(self.all()) >= _DRAFTS_MAX:
                raise ApiUsageError(f"there are {_DRAFTS_MAX} drafts: delete one first") from None
        newest = draft.newest if draft.versions else 0
        if version != newest:
            raise ApiUsageError(
                f"{name} is at version {newest} by now, not {version}: look at what was changed, "
                "then save again",
                field="version",
            )
        if newest >= _VERSIONS_MAX:
            raise ApiUsageError(f"{name} has {_VERSIONS_MAX} versions: go on under another name")
        draft = msgspec.structs.replace(
            draft, versions=(*draft.versions, Version(newest + 1, saved_at, by, note))
        )
        self._path(name).mkdir(parents=True, exist_ok=True)
        _write(self._path(name) / f"{name}_{newest + 1}.py", text)
        self._keep(draft)
        return draft

    def promote(self, name: str, version: int) -> Draft:
        """Let everybody run a version by its name."""
        text = self.file(name, version).read_text(encoding="utf-8")
        self._strategies.mkdir(parents=True, exist_ok=True)
        _write(self._strategies / f"{name}.py", text)
        draft = msgspec.structs.replace(self.get(name), promoted=version)
        self._keep(draft)
        return draft

    def withdraw(self, name: str) -> Draft:
        """Let nobody start it any more; runs of it go on."""
        draft = msgspec.structs.replace(self.get(name), promoted=None)
        (self._strategies / f"{name}.py").unlink(missing_ok=True)
        self._keep(draft)
        return draft

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):  # nothing that leads out of the folder
            raise UnknownName(f"no strategy {name} has been written here", field="name")
        return self._folder / name

    def _keep(self, draft: Draft) -> None:
        _write(self._path(draft.name) / _KEPT, msgspec.json.encode(draft).decode())


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole."""
    new = path.with_name(f".{path.name}.new")
    with new.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
