"""Look through a strategy's text in a process of its own: what a linter says, and whether it loads.

``python -m cryptick.editing.inspection FILE`` is that process. It has bounds of time and memory,
so that a text which never comes to an end does no harm to whoever asked.
"""

import asyncio
import resource
import subprocess
import sys
import sysconfig
import tempfile
import traceback
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from cryptick.request import describe_params
from cryptick.strategy import find_strategy
from exchange_wrapper.errors import XWrapError

__all__ = ["Finding", "Inspection", "inspect_file", "inspect_text", "main"]

_RULES: Final = "E9,F,B,PLE"  # what is wrong or likely so; matters of taste are the writer's
_LINT_S: Final = 10
_LOAD_S: Final = 20
_CPU_S: Final = 10
_MEMORY_BYTES: Final = 1 << 30
_FINDINGS_MAX: Final = 200


class Finding(msgspec.Struct, frozen=True):
    """Something about a text, from a place to another; lines and columns count from 1."""

    severity: Literal["error", "warning"]
    message: str
    line: int
    column: int
    end_line: int
    end_column: int


class Inspection(msgspec.Struct, frozen=True):
    """What was found.

    Attributes
    ----------
    findings : list of Finding
    strategies : list of dict
        Each with ``name``, ``description`` and ``parameters`` (see ``describe_params``); empty
        where the text can't be loaded.
    """

    findings: list[Finding]
    strategies: list[dict[str, Any]]


class _Place(msgspec.Struct):
    row: int
    column: int


class _Lint(msgspec.Struct):
    """A message of ruff as its JSON has it."""

    message: str
    location: _Place
    end_location: _Place
    code: str | None = None


async def inspect_text(text: str) -> Inspection:
    """Look through a text that is not saved."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "strategy.py"
        path.write_text(text, encoding="utf-8")
        return await inspect_file(path)


async def inspect_file(path: Path) -> Inspection:
    """Look through a file."""
    findings = await asyncio.to_thread(_lint, path)
    if any(finding.severity == "error" for finding in findings):
        return Inspection(findings, [])
    loaded = await _load(path)
    return Inspection(findings + loaded.findings, loaded.strategies)


def _lint(path: Path) -> list[Finding]:
    ruff = Path(sysconfig.get_path("scripts")) / "ruff"
    command = [str(ruff), "check", "--isolated", "--no-cache", "--exit-zero", "--quiet"]
    options = [f"--select={_RULES}", "--output-format=json", "--target-version=py311"]
    try:
        done = subprocess.run(
            [*command, *options, str(path)], capture_output=True, timeout=_LINT_S, check=True
        )
        found = msgspec.json.decode(done.stdout, type=list[_Lint])
    except (OSError, subprocess.SubprocessError, msgspec.DecodeError):
        return []  # without a linter the text is still loaded
    return [
        Finding(
            "error" if lint.code in (None, "invalid-syntax") else "warning",
            lint.message
            if lint.code in (None, "invalid-syntax")
            else f"{lint.message} ({lint.code})",
            lint.location.row,
            lint.location.column,
            lint.end_location.row,
            lint.end_location.column,
        )
        for lint in found[:_FINDINGS_MAX]
    ]


async def _load(path: Path) -> Inspection:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cryptick.editing.inspection", str(path),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(_LOAD_S):
            printed, _ = await process.communicate()
        return msgspec.json.decode(printed.rpartition(b"\n")[2], type=Inspection)
    except TimeoutError:
        return _failed(f"it does not load within {_LOAD_S} s: does it loop outside of a method?")
    except msgspec.DecodeError:
        return _failed("its process ended before it was loaded: does it use too much memory?")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def main() -> int:
    """Load the file that is named and print what is in it."""
    for kind, limit in ((resource.RLIMIT_CPU, _CPU_S), (resource.RLIMIT_AS, _MEMORY_BYTES)):
        resource.setrlimit(kind, (limit, limit))
    path = Path(sys.argv[1])
    found = msgspec.json.encode(_loaded(path))
    sys.stdout.write("\n" + found.decode())
    return 0


def _loaded(path: Path) -> Inspection:
    try:
        strategy = find_strategy(str(path))
        described = {
            "name": strategy.__name__,
            "description": (strategy.__doc__ or "").strip().partition("\n")[0],
            "parameters": describe_params(strategy),
        }
    except XWrapError as error:
        cause = error.__cause__
        frames = [] if cause is None else traceback.extract_tb(cause.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(path)]
        text = error.message.replace(str(path), "the text")
        return _failed(text, (lines[-1] if lines else None) or 1)
    return Inspection([], [described])


def _failed(message: str, line: int = 1) -> Inspection:
    return Inspection([Finding("error", message, line, 1, line, 1)], [])


if __name__ == "__main__":
    sys.exit(main())
