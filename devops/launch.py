"""Run the platform on this machine until Ctrl-C: a market, xWrap and one paper run.

Without ``--config`` the market is the sandbox with a simulated one, so no network is needed.
"""

import argparse
import json
import os
import shlex
import signal
import sys
import time
from pathlib import Path
from threading import Thread
from urllib.error import URLError
from urllib.request import urlopen

from honcho.manager import Manager
from honcho.printer import Message

ROOT = Path(__file__).resolve().parent.parent
SANDBOX_SETTINGS = ROOT / "devops/settings-sandbox.json"
SANDBOX_REST = "http://127.0.0.1:4280"
XWRAP = "http://127.0.0.1:4242/xwrap/v1"
STOP_S_MAX = 4.0  # honcho kills what is left five seconds after the first process ended
POLL_S = 0.2


class OrderlyManager(Manager):  # type: ignore[misc]  # honcho ships without types
    """Stop the processes one after the other, the last started first.

    A run hands its funds back to xWrap when it stops, so xWrap has to outlive it.
    """

    def terminate(self) -> None:
        if not self._terminating:
            self._terminating = True
            Thread(target=self._stop_in_turn, daemon=True).start()

    def say(self, text: str) -> None:
        """Print a line of our own between those of the processes."""
        self._system_print(text + "\n")

    def _stop_in_turn(self) -> None:
        for process in reversed(list(self._processes.values())):
            if "returncode" in process:
                continue
            try:
                os.killpg(process["pid"], signal.SIGTERM)
            except ProcessLookupError:
                continue
            deadline = time.monotonic() + STOP_S_MAX
            while "returncode" not in process and time.monotonic() < deadline:
                time.sleep(0.02)

    def _system_print(self, data: str) -> None:
        if "started (pid" in data or "stopped (rc=0)" in data:
            return
        self._printer.write(
            Message(type="line", data=data, time=self._clock.now(), name="make run", colour=None)
        )


def fetch(url: str) -> object | None:
    """Return the JSON answer of a GET request, or None while nobody answers."""
    try:
        with urlopen(url, timeout=2) as answer:
            return json.load(answer)
    except (URLError, OSError, ValueError):
        return None


def wait_for_xwrap() -> bool:
    """Tell whether every exchange of a running xWrap is ready."""
    exchanges = fetch(f"{XWRAP}/exchanges")
    return isinstance(exchanges, list) and all(e["status"] == "ready" for e in exchanges)


def guide(manager: OrderlyManager, sandbox: bool, started: float) -> None:
    """Say when each part is healthy, where it is, and what to try next."""

    def until(ready: object) -> None:
        while not ready():  # type: ignore[operator]
            time.sleep(POLL_S)

    def since() -> str:
        return f"{time.monotonic() - started:4.1f} s"

    if sandbox:
        until(lambda: fetch(f"{SANDBOX_REST}/time"))
        manager.say(f"{since()}  market  healthy  {SANDBOX_REST}  try /products/BTC-USD/ticker")
    until(wait_for_xwrap)
    manager.say(f"{since()}  xWrap   healthy  {XWRAP}  try /status or /gdax/pricing")
    until(lambda: fetch(f"{XWRAP}/orders/recent"))
    manager.say(f"{since()}  run     healthy  its folder is under var/runs; orders and fills follow")
    manager.say("next, in another terminal:")
    manager.say("  .venv/bin/python -m cryptick.run DemoStrategy -m paper --gdax-usd 5000")
    manager.say("  .venv/bin/python -m cryptick.run HodlStrategy -m backtest --gdax-usd 10000 --help")
    manager.say("Ctrl-C ends all of it")


def main() -> int:
    """Start everything and stay until it ends."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--config", type=Path, help="xWrap settings with real exchanges")
    options = parser.parse_args()
    config = (options.config or SANDBOX_SETTINGS).resolve()
    if not config.is_file():
        print(f"make run: there is no settings file {options.config}", file=sys.stderr)
        return 2

    data = ROOT / "var" / config.stem
    data.mkdir(parents=True, exist_ok=True)
    python = shlex.quote(sys.executable)
    database = shlex.quote(str(data / "xwrap.db"))
    environment = os.environ | {
        "SQLITE_DB": str(data / "xwrap.db"),
        "TIMESERIES_DB": str(data / "timeseries.db"),
        "PYTHONUNBUFFERED": "1",
    }
    manager = OrderlyManager()

    def add(name: str, command: str) -> None:
        manager.add_process(name, command, env=environment, cwd=str(ROOT))

    if config == SANDBOX_SETTINGS:
        add("market", f"exec {python} -m exchange_wrapper.sandbox simulate --seed 7")
    xwrap = f"{python} -m exchange_wrapper.service"
    add(
        "xwrap",
        f"{xwrap} init_db {database} >/dev/null && "
        f"exec {xwrap} run --log-level WARNING --config {shlex.quote(str(config))}",
    )
    add("run", f"exec {python} -m cryptick.run HodlStrategy -m paper --gdax-usd 10000 --wait-s 120")

    started = time.monotonic()
    Thread(
        target=guide, args=(manager, config == SANDBOX_SETTINGS, started), daemon=True
    ).start()
    manager.loop()
    interrupted = manager.returncode in (128 + signal.SIGINT, 128 + signal.SIGTERM)
    return 0 if interrupted else manager.returncode or 0


if __name__ == "__main__":
    sys.exit(main())
