"""Run the platform on this machine until Ctrl-C: a market, xWrap, Cryptick, a paper run, the page.

Without ``--config`` the market is the sandbox with a simulated one, so no network is needed.
"""

import argparse
import json
import os
import shlex
import shutil
import signal
import sys
import time
import webbrowser
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from honcho.manager import Manager
from honcho.printer import Message

from exchange_wrapper.compiled import describe
from exchange_wrapper.users.local_token import token_for

ROOT = Path(__file__).resolve().parent.parent
SANDBOX_SETTINGS = ROOT / "devops/settings-sandbox.json"
SANDBOX_REST = "http://127.0.0.1:4280"
XWRAP = "http://127.0.0.1:4242"
SERVER = "http://127.0.0.1:5726"
PAGE = "http://127.0.0.1:8200"
LIVE_PAGE = "http://127.0.0.1:8201"
PAGE_FILES = ROOT / "cryptock/dist/index.html"
STOP_S_MAX = 4.0  # honcho kills what is left five seconds after the first process ended
POLL_S = 0.2
CRYPTICK = ".venv/bin/python -m cryptick.run"


class OrderlyManager(Manager):  # type: ignore[misc]  # honcho ships without types
    """Stop the processes one after the other, the last started first.

    A run hands its funds back to xWrap when it stops, so xWrap has to outlive it.
    """

    def terminate(self) -> None:
        """Begin to stop all processes; ``loop`` returns when they have ended."""
        if not self._terminating:
            self._terminating = True
            Thread(target=self._stop_in_turn, daemon=True).start()

    def say(self, text: str) -> None:
        """Print a line of our own between those of the processes."""
        now = self._clock.now()
        self._printer.write(Message("line", text, time=now, name="make run", colour=None))

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
        if "stopped (rc=" in data and "(rc=0)" not in data:  # the rest of honcho's talk is noise
            self.say(data)


def fetch(path: str) -> Any:
    """Return the JSON answer to a GET request, or None while nobody answers."""
    token = token_for(path)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        with urlopen(Request(path, headers=headers), timeout=2) as answer:
            return json.load(answer)
    except (URLError, OSError, ValueError):
        return None


def wait_until(ready: Callable[[], Any]) -> None:
    """Return once ``ready`` says so."""
    while not ready():
        time.sleep(POLL_S)


def xwrap_ready() -> bool:
    """Tell whether every exchange of a running xWrap is ready."""
    exchanges = fetch(f"{XWRAP}/xwrap/v1/exchanges")
    return bool(exchanges) and all(exchange["status"] == "ready" for exchange in exchanges)


def page_ready(page: str) -> bool:
    """Tell whether the page is served at an address."""
    try:
        with urlopen(page, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def pages_of(config: Path) -> list[str]:
    """Return the addresses to serve the page at: one for live trading, one for all else."""
    try:
        exchanges = json.loads(config.read_text(encoding="utf-8"))["exchanges"].values()
        modes = {exchange["mode"] for exchange in exchanges}
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
    ):  # xWrap will say what is wrong with it
        modes = set()
    return ([] if modes == {"live"} else [PAGE]) + ([LIVE_PAGE] if "live" in modes else [])


def show(page: str) -> None:
    """Open the page where somebody sits in front of a screen."""
    seen = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    if sys.stdout.isatty() and (seen or sys.platform == "darwin"):
        webbrowser.open(page)


def guide(manager: OrderlyManager, sandbox: bool, pages: Sequence[str]) -> None:
    """Say when each part is healthy, where it is, and what to try next."""
    started = time.monotonic()

    def healthy(what: str, where: str, then: str) -> None:
        manager.say(
            f"{what:<10}healthy after {time.monotonic() - started:.1f} s   {where}   {then}"
        )

    if sandbox:
        wait_until(lambda: fetch(f"{SANDBOX_REST}/time"))
        healthy("market", SANDBOX_REST, "try /products/BTC-USD/ticker")
    wait_until(xwrap_ready)
    healthy("xWrap", XWRAP, "its dashboard; the API is described at /docs")
    wait_until(lambda: fetch(f"{SERVER}/health"))
    healthy("Cryptick", SERVER, "its messages; the API is described at /docs")
    wait_until(lambda: (fetch(f"{XWRAP}/xwrap/v1/wallets/allocated") or {}).get("wallets"))
    healthy("run", "var/runs", "its orders and fills follow here; each run has a folder")
    for page in pages:
        wait_until(lambda page=page: page_ready(page))
        name = "live page" if page == LIVE_PAGE else "page"
        healthy(name, page, "open it in a browser; sign in as admin")
    if pages:
        show(pages[0])
    today = datetime.now(UTC).date()
    period = f"-s {today - timedelta(days=60):%d-%m-%Y} -e {today - timedelta(days=1):%d-%m-%Y}"
    manager.say("Ctrl-C ends everything. In another terminal, try:")
    manager.say(f"  {CRYPTICK} DemoStrategy -m paper --gdax-usd 5000")
    manager.say(f"  {CRYPTICK} HodlStrategy -m backtest --gdax-usd 10000 {period}")


def main() -> int:
    """Start everything and stay until it ends."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--config", type=Path, help="xWrap settings with real exchanges")
    parser.add_argument(
        "--data", type=Path, default=ROOT / "var", help="where databases and runs are kept"
    )
    options = parser.parse_args()
    config = (options.config or SANDBOX_SETTINGS).resolve()
    if not config.is_file():
        print(f"make run: there is no settings file {options.config}", file=sys.stderr)
        return 2

    data = options.data / config.stem
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
        f"exec {xwrap} run --config {shlex.quote(str(config))}",
    )
    runs = shlex.quote(os.path.relpath(options.data / "runs", ROOT))
    server = f"-m cryptick.server --config {shlex.quote(str(config))} --runs-dir {runs}"
    add("cryptick", f"exec {python} {server}")
    run = f"-m cryptick.run HodlStrategy -m paper --gdax-usd 10000 --wait 120s --runs-dir {runs}"
    add("run", f"exec {python} {run}")

    pages = []
    if shutil.which("node") is not None and PAGE_FILES.is_file():
        pages = pages_of(config)
        for page in pages:
            port = urlsplit(page).port
            name = "live" if page == LIVE_PAGE else "page"
            add(name, f"PAGE_PORT={port} exec node cryptock/gateway/main.js")
    else:
        print("make run: the page is left out: it needs nodejs and npm", file=sys.stderr)

    print(f"make run: xWrap and runs are {describe()}")
    Thread(target=guide, args=(manager, config == SANDBOX_SETTINGS, pages), daemon=True).start()
    manager.loop()
    interrupted = manager.returncode in (128 + signal.SIGINT, 128 + signal.SIGTERM)
    return 0 if interrupted else manager.returncode or 0


if __name__ == "__main__":
    sys.exit(main())
