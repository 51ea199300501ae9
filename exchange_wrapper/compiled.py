"""Whether the compiled build of the core is used, and where it is.

`devops.compile` makes a build of some modules; it is a folder below ``FOLDER`` that is named after
the contents of all sources that it was made of, and of the interpreter. Both packages look for the
folder of what they are at this moment, so what was edited is never run from an old build.
"""

import hashlib
import os
import sys
from typing import Final

__all__ = ["BUILD", "FOLDER", "FOLDERS", "OFF", "build_key", "describe", "places"]

FOLDER: Final = os.path.join(sys.prefix, "compiled")
"""Where the builds for this interpreter's environment are."""

OFF: Final = "CRYPTICK_PURE"
"""The environment variable that turns the build off; 0 or nothing leaves it on."""

_ROOT: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

FOLDERS: Final = ("exchange_wrapper", "cryptick", "cryptick/strategy")
"""Where all sources are that a build depends on."""


def build_key(root: str = _ROOT) -> str:
    """Return the name of the build of the present sources, by this interpreter."""
    digest = hashlib.sha256(sys.version.encode())
    for folder in FOLDERS:
        path = os.path.join(root, folder)
        for name in sorted(os.listdir(path)):
            if name.endswith(".py"):
                with open(os.path.join(path, name), "rb", buffering=0) as file:
                    content = file.read()
                digest.update(f"{folder}/{name}:{len(content)}:".encode())
                digest.update(content)
    return digest.hexdigest()[:32]


def places(package: str) -> list[str]:
    """Return where a package's modules are looked for before its own folder."""
    return [] if BUILD is None else [os.path.join(BUILD, package)]


def describe() -> str:
    """Return in a few words what runs."""
    if BUILD is not None:
        return "compiled core"
    return f"plain Python ({OFF} is set)" if _is_off() else "plain Python (no build of its sources)"


def _is_off() -> bool:
    return os.environ.get(OFF, "0") not in ("", "0")


def _find() -> str | None:
    if _is_off() or not os.path.isdir(FOLDER):
        return None
    build = os.path.join(FOLDER, build_key())
    return build if os.path.isdir(build) else None


BUILD: Final = _find()
"""The build that is used, None where the modules are plain Python."""
