"""Compile the core with mypyc: ``python -m devops.compile``; docs/architecture.md tells of it.

Without a C compiler, and after an edit, everything runs as plain Python, only slower.
"""

import ast
import contextlib
import io
import os
import shutil
import sys
import sysconfig
import tempfile
import warnings
from pathlib import Path
from time import perf_counter
from typing import Final

from exchange_wrapper.compiled import FOLDER, FOLDERS, build_key

ROOT: Final = Path(__file__).resolve().parent.parent

MODULES: Final = (
    "exchange_wrapper/desk.py",
    "exchange_wrapper/double_entry.py",
    "exchange_wrapper/fees.py",
    "exchange_wrapper/ledger.py",
    "exchange_wrapper/ledger_audit.py",
    "exchange_wrapper/matching.py",
    "exchange_wrapper/numbers.py",
    "exchange_wrapper/pair.py",
    "exchange_wrapper/paper.py",
    "exchange_wrapper/paper_exchange.py",
    "exchange_wrapper/telling.py",
    "exchange_wrapper/times.py",
    "cryptick/audit.py",
    "cryptick/bar_path.py",
    "cryptick/book_replay.py",
    "cryptick/candle_market.py",
    "cryptick/candle_replay.py",
    "cryptick/clock.py",
    "cryptick/display_book.py",
    "cryptick/exchange_simulator.py",
    "cryptick/hub.py",
    "cryptick/round_trips.py",
    "cryptick/run_directory.py",
    "cryptick/timeline.py",
)
"""What is compiled: what each order and each fill passes through.

Not the books: they look up integers in dictionaries, which compiled code has to box each time.
"""

GROUP: Final = "exchange_wrapper.core"
_KEPT: Final = 8  # builds, of as many states of the sources


class Unsuited(Exception):
    """A module that would not do the same when it is compiled."""


def main(arguments: list[str]) -> int:
    """Make the build of the present sources unless it is there; return 1 if it fails.

    With ``--needs`` only name the Debian packages that are missing for it.
    """
    if arguments == ["--needs"]:
        print(*_needs())
        return 0
    folder = Path(FOLDER) / build_key()
    if folder.is_dir():
        return 0
    missing = _missing()
    if missing:
        print(f"{missing}: the core is not compiled and runs as plain Python, only slower")
        return 0
    print("compiling the core (about half a minute, only after its sources have changed)")
    start = perf_counter()
    log = io.StringIO()
    folder.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as place:
        try:
            with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
                built = _build(Path(place), log)
        except (Exception, SystemExit) as error:
            print(log.getvalue().rstrip(), error, sep="\n", file=sys.stderr)
            print("the core is not compiled and runs as plain Python, only slower")
            return 1
        with contextlib.suppress(OSError):  # it is there when somebody else was faster
            built.rename(folder)
    _forget(folder)
    print(f"the core is compiled ({perf_counter() - start:.0f} s)")
    return 0


def _needs() -> list[str]:
    # A compiler without the C library's headers is of no use, nor are those of another Python.
    needs = ["gcc", "libc6-dev"] if shutil.which(_compiler()) is None else []
    debian = Path(sysconfig.get_path("include")).is_relative_to("/usr/include")
    return [*needs, "python3-dev"] if debian and not _has_headers() else needs


def _missing() -> str:
    if shutil.which(_compiler()) is None:
        return f"there is no C compiler ({_compiler()})"
    if not _has_headers():
        return "the headers of Python are not installed"
    try:
        import mypyc.build  # noqa: F401
    except ImportError:
        return "mypy is not installed"
    return ""


def _compiler() -> str:
    return str(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]


def _has_headers() -> bool:
    return Path(sysconfig.get_path("include"), "Python.h").is_file()


def _build(place: Path, log: io.StringIO) -> Path:
    from mypyc.build import mypycify
    from setuptools import Distribution

    os.chdir(ROOT)
    _check_sources()
    for module in MODULES:
        _check(module)
    warnings.simplefilter("ignore")
    extensions = mypycify(
        list(MODULES),
        opt_level="s",
        debug_level="0",
        target_dir=str(place / "c"),
        group_name=GROUP,
    )
    if ": warning:" in log.getvalue():
        raise Unsuited("what mypyc warns of works otherwise than in Python: write it differently")
    built = place / "built"
    distribution = Distribution({"name": "core", "ext_modules": extensions, "packages": []})
    command = distribution.get_command_obj("build_ext")
    command.build_lib, command.build_temp = str(built), str(place / "objects")
    distribution.run_command("build_ext")
    return built


def _check(module: str) -> None:
    """Raise ``Unsuited`` for what mypyc would take without a word and compile wrongly."""
    tree = ast.parse(Path(module).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            bases = {ast.unparse(base) for base in node.bases}
            if node.keywords or "msgspec.Struct" in bases:
                raise Unsuited(f"{module}: {node.name} loses its options when it is compiled")


def _check_sources() -> None:
    """Raise ``Unsuited`` if the builds' names leave out a source that a build depends on."""
    known: set[Path] = set()
    waiting = [Path(module) for module in MODULES]
    while waiting:
        source = waiting.pop()
        if source in known or not source.is_file():
            continue
        if source.parent.as_posix() not in FOLDERS:
            raise Unsuited(f"an edit of {source}, which is imported, would not be noticed")
        known.add(source)
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                path = Path(*node.module.split("."))
                waiting += path.with_suffix(".py"), path / "__init__.py"


def _forget(newest: Path) -> None:
    builds = [path for path in Path(FOLDER).iterdir() if not path.name.startswith(".")]
    builds.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for old in builds[_KEPT:]:
        if old != newest:
            shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
