"""The web application: the page, the REST interface and the WebSocket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import fastapi
from fastapi import FastAPI, HTTPException, Query, Request, Response, WebSocket
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

from pipeline.errors import StoreError
from pipeline.metrics import Metrics
from pipeline.store import Store
from pipeline.viewer.access import Guard
from pipeline.viewer.hub import Hub, camera_views
from pipeline.viewer.live import talk
from pipeline.viewer.messages import CameraView, IdentityView
from pipeline.viewer.operation import operation
from pipeline.viewer.source import SiteSource
from pipeline.viewer.watch import Watch

_STATIC = Path(__file__).parent / "static"
_REVALIDATE = {"Cache-Control": "no-cache"}  # kept by the browser, but asked for: pages may change


def create_app(
    site: SiteSource,
    store: Store,
    *,
    metrics: Metrics,
    reload: Callable[[], list[str]] | None = None,
) -> FastAPI:
    """The viewer of one site.

    Args:
        site: cams.yaml as it is now; how the viewer listens and who may see it stays as it is.
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
    app = FastAPI(
        title="Handoff", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json"
    )  # the documentation pages of FastAPI would load their scripts from another host
    app.add_middleware(Guard, settings=site.site.viewer)
    app.add_exception_handler(StoreError, _store_fails)
    app.include_router(_api(store, site), prefix="/api")
    app.include_router(operation(store, site, watch, reload=reload or everywhere))
    app.mount("/static", _Static(directory=_STATIC), name="static")

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(_STATIC / "index.html", headers=_REVALIDATE)

    @app.get("/favicon.ico", include_in_schema=False)
    async def icon() -> FileResponse:
        return FileResponse(_STATIC / "icon.svg", headers=_REVALIDATE)

    @app.websocket("/live")
    async def live(websocket: WebSocket) -> None:
        await talk(websocket, hub)

    return app


def _api(store: Store, site: SiteSource) -> fastapi.APIRouter:
    api = fastapi.APIRouter()

    @api.get("/cameras")
    def list_cameras() -> list[CameraView]:
        """The site's cameras in the order of cams.yaml, and how they are doing."""
        return camera_views(store, tuple(site.site.enabled_cameras))

    @api.get("/identities")
    def list_identities(
        count: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[IdentityView]:
        """People, most recently seen first."""
        return [IdentityView.of(record) for record in store.identities(count)]

    @api.get("/identities/{number}", responses={404: {"description": "nobody of this number"}})
    def get_identity(number: int) -> IdentityView:
        """One person, with every tracklet that is theirs."""
        record = store.identity(number)
        if record is None:
            raise HTTPException(404, f"expected a known identity, found {number}")
        return IdentityView.of(record)

    @api.get(
        "/crops/{tracklet}.jpg",
        response_class=Response,
        responses={200: {"content": {"image/jpeg": {}}}, 404: {"description": "no picture kept"}},
    )
    def get_crop(tracklet: str) -> Response:
        """A tracklet's best picture."""
        picture = store.crop(tracklet)
        if picture is None:
            raise HTTPException(404, "expected a tracklet with a picture, found none kept")
        return Response(picture, media_type="image/jpeg")

    return api


class _Static(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_REVALIDATE)
        return response


async def _store_fails(request: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, status_code=503)
