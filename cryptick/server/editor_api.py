"""The part of the API that strategies are written with; see ``editor`` of the settings."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec

from cryptick.editing.drafts import Draft, Drafts
from cryptick.editing.inspection import Inspection, inspect_file, inspect_text
from cryptick.editing.words import Word, words
from cryptick.errors import UsageError
from cryptick.new import template
from cryptick.start_form import RunMode
from exchange_wrapper.errors import ApiUsageError, Forbidden
from exchange_wrapper.times import UtcNs, to_iso
from serving.registry import Caller, Role, api_method

__all__ = ["EditorApi"]

_AT_ONCE: Final = 2  # texts that are looked through at the same time

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
Text = Annotated[str, msgspec.Meta(max_length=300_000)]
Note = Annotated[str, msgspec.Meta(max_length=500)]
Number = Annotated[int, msgspec.Meta(ge=0, le=1000)]


class EditorApi:
    """Its methods.

    Parameters
    ----------
    drafts : Drafts or None
        None where strategies are not written in the page.
    clock : callable
        Returns the time.
    """

    def __init__(self, drafts: Drafts | None, clock: Callable[[], UtcNs]) -> None:
        self._drafts = drafts
        self._clock = clock
        self._inspecting = asyncio.Semaphore(_AT_ONCE)

    @api_method(Role.ADMIN, get="/editor")
    async def get_editor(self) -> dict[str, Any]:
        """Return whether strategies can be written here, and those that were, by name.

        Each of ``drafts`` has its ``versions`` and which one is ``promoted``.
        """
        if self._drafts is None:
            return {"enabled": False, "drafts": []}
        return {"enabled": True, "drafts": await asyncio.to_thread(self._drafts.all)}

    @api_method(Role.ADMIN, get="/editor/words")
    async def get_words(self) -> list[Word]:
        """Return what may be written in a strategy: names, signatures, first sentences."""
        return await asyncio.to_thread(words)

    @api_method(Role.ADMIN, get="/editor/template/{name}")
    def get_template(self, *, name: Name) -> dict[str, str]:
        """Return the ``text`` of a strategy to begin with."""
        try:
            return {"text": template(name)}
        except UsageError as error:
            raise ApiUsageError(error.message, field="name") from None

    @api_method(Role.ADMIN, post="/editor/inspect")
    async def inspect_strategy(self, *, text: Text) -> Inspection:
        """Look through a text: what is wrong with it and where, and the strategies in it.

        It is loaded in a process of its own, with bounds of time and memory.
        """
        self._on()
        async with self._inspecting:
            return await inspect_text(text)

    @api_method(Role.ADMIN, get="/editor/drafts/{name}/{version}")
    async def get_draft_text(self, *, name: Name, version: Number) -> dict[str, str]:
        """Return the ``text`` of a version."""
        path = self._on().file(name, version)
        return {"text": await asyncio.to_thread(path.read_text, encoding="utf-8")}

    @api_method(Role.ADMIN, put="/editor/drafts/{name}")
    async def save_draft(
        self, *, caller: Caller, name: Name, text: Text, version: Number = 0, note: Note = ""
    ) -> Draft:
        """Save a new version of a strategy; ``version`` is the one that it was made from.

        It is refused if another was saved since. It need not load; nobody can run it by its name.
        """
        assert caller.identity is not None
        if not note.isprintable():
            raise ApiUsageError("note must be one printable line", field="note")
        now, by = to_iso(self._clock()), caller.identity.name
        return await asyncio.to_thread(self._on().save, name, text, version, now, by, note)

    @api_method(Role.ADMIN, put="/editor/drafts/{name}/promote")
    async def promote_draft(self, *, name: Name, version: Number) -> Draft:
        """Let all traders run a version by its name, on paper and live, too."""
        await self._check_loads(name, version)
        return await asyncio.to_thread(self._on().promote, name, version)

    @api_method(Role.ADMIN, put="/editor/drafts/{name}/withdraw")
    async def withdraw_draft(self, *, name: Name) -> Draft:
        """Let nobody start it any more. Its runs go on, its versions stay."""
        return await asyncio.to_thread(self._on().withdraw, name)

    async def _check_draft(self, caller: Caller, name: str, mode: RunMode) -> None:
        """Refuse to run a draft, such as ``MyStrategy@3``, but for a backtest by who may write."""
        draft, is_draft, version = name.partition("@")
        if not is_draft:
            return
        if caller.identity is None or not caller.identity.role.includes(Role.ADMIN):
            raise Forbidden("versions of a strategy are for administrators until one is promoted")
        if mode != "backtest":
            raise Forbidden(
                f"a version that is not promoted runs in backtests only: promote {draft} first"
            )
        if not version.isdecimal() or len(version) > 4:
            raise ApiUsageError(f"{version!r} is not a version", field="name")
        await self._check_loads(draft, int(version))

    async def _check_loads(self, name: str, version: int) -> None:
        path = self._on().file(name, version)
        async with self._inspecting:
            found = await inspect_file(path)
        errors = [finding for finding in found.findings if finding.severity == "error"]
        if errors:
            raise ApiUsageError(
                f"version {version} of {name} can't run: line {errors[0].line}: "
                f"{errors[0].message}",
                field="version",
            )
        if name not in (strategy["name"] for strategy in found.strategies):
            raise ApiUsageError(
                f"version {version} of {name} has no class {name}: call its strategy so, or save "
                "it under the name that it has",
                field="version",
            )

    def _on(self) -> Drafts:
        if self._drafts is None:
            raise Forbidden(
                "strategies are not written here: `editor` in the server's settings allows it"
            )
        return self._drafts
