"""An InfluxDB on loopback for tests, in a folder of its own."""

import re
import shutil
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

_CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:0"
  log-enabled = false
"""


class InfluxServer:
    """A running ``influxd``; ``stop`` ends it and removes its data.

    Raises
    ------
    SkipTest
        It is not installed.
    """

    def __init__(self) -> None:
        program = shutil.which("influxd")
        if program is None:
            raise unittest.SkipTest("there is no influxd: see devops/debian-packages.sh")
        self._folder = tempfile.TemporaryDirectory()
        config = Path(self._folder.name) / "influxdb.conf"
        config.write_text(_CONFIG.format(folder=self._folder.name))
        self._process = subprocess.Popen(
            [program, "-config", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.port = self._port()
        self._reader = threading.Thread(target=self._read_on, daemon=True)
        self._reader.start()

    def dsn(self, database: str) -> str:
        """Return the address of a database."""
        return f"influxdb://127.0.0.1:{self.port}/{database}"

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._reader.join(20)
        assert self._process.stderr is not None
        self._process.stderr.close()
        self._folder.cleanup()

    def _port(self) -> int:
        """Return where it listens, which only its log says."""
        assert self._process.stderr is not None
        said = []
        for line in self._process.stderr:
            said.append(line)
            if "Listening on HTTP" in line and (found := re.search(r"addr=\S+:(\d+)", line)):
                return int(found[1])
        raise AssertionError("influxd ended: " + "".join(said))

    def _read_on(self) -> None:
        assert self._process.stderr is not None
        for _ in self._process.stderr:  # a full pipe would stop it
            pass
