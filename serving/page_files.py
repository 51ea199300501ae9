"""A page beside an API: its files, which hold no secret and which anybody may read."""

import asyncio
import mimetypes
from pathlib import Path
from typing import Final

from sanic import HTTPResponse, Request

from exchange_wrapper.errors import NoData
from serving.http_server import HttpServer

__all__ = ["add_page"]

_ASSETS: Final = "assets"  # each is named by its contents, so it never changes
_FOREVER: Final = "public, max-age=31536000, immutable"
_POLICY: Final = (  # styles are made as it runs, scripts never
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)


def add_page(web: HttpServer, folder: Path, entry: str) -> None:
    """Serve a built page at ``/``.

    Parameters
    ----------
    folder : Path
        Where it was built; it may be missing, then ``/`` says so.
    entry : str
        Its HTML file in there.
    """
    icon = folder / "icon.svg"
    assets = folder / _ASSETS
    files = {path.name: path for path in assets.iterdir()} if assets.is_dir() else {}

    async def page(request: Request) -> HTTPResponse:
        return await _answer(folder / entry, "no-cache")

    async def picture(request: Request) -> HTTPResponse:
        return await _answer(icon, "no-cache")

    async def asset(request: Request, name: str) -> HTTPResponse:
        return await _answer(files.get(name, assets / "none"), _FOREVER)

    web.app.add_route(page, "/", name="page")
    web.app.add_route(picture, "/icon.svg", name="icon")
    web.app.add_route(asset, f"/{_ASSETS}/<name:str>", name="asset")


async def _answer(path: Path, cache: str) -> HTTPResponse:
    try:
        body = await asyncio.to_thread(path.read_bytes)
    except OSError:
        raise NoData(
            "this file of the dashboard is not there: was the page built? `make run` builds it; "
            "the API is described at /docs"
        ) from None
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    text = kind.startswith("text/") or kind.endswith(("javascript", "json"))
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": cache}
    return HTTPResponse(
        body, headers=headers, content_type=f"{kind}; charset=utf-8" if text else kind
    )
