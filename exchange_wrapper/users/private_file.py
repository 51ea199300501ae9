"""Files that only their owner may read."""

import os
import secrets
import stat
from pathlib import Path

from exchange_wrapper.errors import DataError, StorageUnavailable

__all__ = ["read_private", "write_private"]


def write_private(path: Path, text: str) -> None:
    """Write a file with mode 0600 in place of what was there; its folder is made with mode 0700.

    Raises
    ------
    StorageUnavailable
        It can't be written.
    """
    # Readers see the old file or the new one, and nobody else's open handle sees the new one.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with open(handle, "w", encoding="ascii") as file:
                os.fchmod(handle, 0o600)  # whatever the umask
                file.write(text + "\n")
                file.flush()
                os.fsync(handle)
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StorageUnavailable(f"{path} can't be written: {error.strerror}") from error


def read_private(path: Path) -> str:
    """Return the text of a file that nobody else can have read or written.

    Raises
    ------
    FileNotFoundError
        There is none.
    DataError
        Others may read or write it, it belongs to somebody else, or it is no regular file.
    StorageUnavailable
        It can't be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageUnavailable(f"{path} can't be read: {error.strerror}") from error
    try:
        found = os.fstat(handle)  # of the open file: its name may point elsewhere by now
        mode = stat.S_IMODE(found.st_mode)
        if not stat.S_ISREG(found.st_mode):
            raise DataError(f"{path} is not a regular file")
        if found.st_uid != os.geteuid():
            raise DataError(f"{path} belongs to another user and is not trusted")
        if mode & 0o077:
            raise DataError(
                f"{path} is open to others (mode {mode:04o}); "
                f"delete it, or `chmod 600` it if nobody has read it"
            )
        return os.read(handle, 4096).decode("ascii", "replace").strip()
    finally:
        os.close(handle)
