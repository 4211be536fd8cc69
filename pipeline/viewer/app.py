"""The web application: the page, the REST interface and the WebSocket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Depends, FastAPI, Response, WebSocket
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

from pipeline.metrics import Metrics
from pipeline.store import Store
from pipeline.viewer.access import Guard
from pipeline.viewer.accounts import Accounts
from pipeline.viewer.api import PREFIX, Parts, add_api
from pipeline.viewer.audit import Audited
from pipeline.viewer.feed import Feed
from pipeline.viewer.hub import Hub
from pipeline.viewer.limits import Limits
from pipeline.viewer.live import talk
from pipeline.viewer.operation import operation
from pipeline.viewer.passage_book import PassageBook
from pipeline.viewer.permits import permitted
from pipeline.viewer.search import PictureSearch
from pipeline.viewer.sign_in import SignIn, sign_in_routes
from pipeline.viewer.source import SiteSource
from pipeline.viewer.watch import Watch

STATIC = Path(__file__).parent / "static"
"""Where the page is."""
REVALIDATE = {"Cache-Control": "no-cache"}
"""Kept by the browser, but asked for: pages may change."""


def create_app(
    site: SiteSource,
    store: Store,
    *,
    metrics: Metrics,
    reload: Callable[[], list[str]] | None = None,
) -> FastAPI:
    """The viewer of one site.

    Args:
        site: cams.yaml as it is now; how the viewer listens stays as it is.
        store: where everything shown comes from.
        metrics: what the viewer measures.
        reload: reads the settings anew and gives a sentence for each change; None: the viewer does
            it, and asks all other processes of the site to do the same.
    """
    watch = Watch(store)

    def everywhere() -> list[str]:
        changes = site.reload()
        store.presence.ask_reload()
        return changes

    hub = Hub(store, site, watch=watch, metrics=metrics)
    search = PictureSearch(store, site)
    feed = Feed(store.events, metrics=metrics)
    parts = Parts(store, site, watch, search, PassageBook(store), feed, reload or everywhere)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        search.close()

    app = FastAPI(
        lifespan=lifespan,
        dependencies=[Depends(permitted)],
        title="Handoff",
        version="1",
        description="Who was seen by which camera, when, and why they are taken for one person.",
        docs_url=None,  # the documentation pages of FastAPI would load their scripts from
        redoc_url=None,  # another host
        openapi_url=f"{PREFIX}/openapi.json",
    )
    accounts = Accounts(site)
    sign_in = SignIn(site, accounts, store)
    app.add_middleware(Audited, audit=store.audit)
    app.add_middleware(Limits)
    app.add_middleware(Guard, site=site, accounts=accounts, sign_in=sign_in)
    app.include_router(sign_in_routes(sign_in))
    add_api(app, parts)
    app.include_router(operation(store, site))
    app.mount("/static", Static(directory=STATIC), name="static")

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers=REVALIDATE)

    @app.get("/favicon.ico", include_in_schema=False)
    async def icon() -> FileResponse:
        return FileResponse(STATIC / "icon.svg", headers=REVALIDATE)

    @app.websocket("/live")
    async def live(websocket: WebSocket) -> None:
        await talk(websocket, hub)

    return app


class Static(StaticFiles):
    """The files of the page, which a browser keeps and asks for all the same."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(REVALIDATE)
        return response
