"""The directories of all runs, read."""

import os
import re
import shutil
from pathlib import Path
from typing import Any, Final

import msgspec

from cryptick.control import ENDED
from cryptick.run_directory import RunDirectory
from cryptick.start_form import START_FILE
from exchange_wrapper.errors import ApiUsageError, DataError, NoData, UnknownName

__all__ = ["Fields", "RunStore"]

Fields = dict[str, Any]

_RUN_ID: Final = re.compile(r"\w{1,120}_\d{1,9}")  # nothing that leads out of the root


class RunStore:
    """All runs below one directory, also those of the command line."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._read: dict[str, tuple[tuple[int, int], Fields]] = {}

    def path(self, run_id: str) -> Path:
        """Return the directory of a run.

        Raises
        ------
        UnknownName
            There is no such run.
        """
        path = self.root / run_id
        if not _RUN_ID.fullmatch(run_id) or not (path / "run.json").is_file():
            raise UnknownName(f"there is no run {run_id!r}", field="run_id")
        return path

    def fields(self, run_id: str) -> Fields:
        """Return what ``run.json`` of a run says, with ``running``.

        Raises
        ------
        UnknownName
            There is no such run.
        DataError
            Its file can't be read.
        """
        path = self.path(run_id)
        try:
            about = (path / "run.json").stat()
        except FileNotFoundError:
            raise UnknownName(f"there is no run {run_id!r}", field="run_id") from None
        version = about.st_mtime_ns, about.st_ino
        kept = self._read.get(run_id)
        if kept is None or kept[0] != version:
            fields = RunDirectory.open(path).fields
            fields["running"] = fields.get("state") not in ENDED
            kept = self._read[run_id] = version, fields
        return kept[1]

    def all(self) -> dict[str, Fields]:
        """Return the fields of all runs that can be read, the newest first."""
        try:
            names = [name for name in os.listdir(self.root) if _RUN_ID.fullmatch(name)]
        except FileNotFoundError:
            return {}
        found = {}
        for name in names:
            try:
                found[name] = self.fields(name)
            except (UnknownName, DataError):  # claimed a moment ago, or broken
                continue
        for name in self._read.keys() - found.keys():
            del self._read[name]
        started = sorted(found.items(), key=lambda one: str(one[1].get("started_at")))
        return dict(reversed(started))

    def is_ours(self, run_id: str) -> bool:
        """Whether a server started this run."""
        return (self.path(run_id) / START_FILE).is_file()

    def summary(self, run_id: str) -> Fields:
        """Return the summary of a run that has come to its end.

        Raises
        ------
        NoData
            There is none.
        """
        try:
            text = (self.path(run_id) / "summary.json").read_bytes()
            return msgspec.json.decode(text, type=dict[str, Any])
        except FileNotFoundError:
            raise NoData(f"run {run_id} has no report: it has not come to its end") from None
        except msgspec.DecodeError as error:
            raise DataError(f"the summary of {run_id} can't be read: {error}") from None

    def page(self, run_id: str, name: str) -> bytes:
        """Return a file of a run that is a page for people.

        Raises
        ------
        NoData
            There is none.
        """
        try:
            return (self.path(run_id) / name).read_bytes()
        except FileNotFoundError:
            raise NoData(f"run {run_id} has no {name}: it has not come to its end") from None

    def delete(self, run_id: str) -> None:
        """Delete the files of a run that has ended.

        Raises
        ------
        ApiUsageError
            It goes on.
        """
        fields = self.fields(run_id)
        if fields["running"]:
            raise ApiUsageError(f"run {run_id} is {fields['state']}: stop it before it is deleted")
        shutil.rmtree(self.root / run_id)
        self._read.pop(run_id, None)
