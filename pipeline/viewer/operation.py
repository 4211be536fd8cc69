"""What operating a site takes: health, metrics, and settings that are read anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import fastapi
from fastapi import HTTPException, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from pipeline.errors import ConfigError, StoreError
from pipeline.store import Store
from pipeline.viewer.exposition import site_metrics
from pipeline.viewer.messages import Health, Reloaded
from pipeline.viewer.source import SiteSource
from pipeline.viewer.watch import Watch

_PROBE_SECONDS = 2.0  # those who ask give up soon after


def operation(
    store: Store, site: SiteSource, watch: Watch, *, reload: Callable[[], list[str]]
) -> fastapi.APIRouter:
    """The routes for operating a site.

    Args:
        store: where processes and cameras report to.
        site: cams.yaml as it is now.
        watch: how processes and cameras are doing.
        reload: reads the settings anew and gives a sentence for each change.
    """
    router = fastapi.APIRouter()

    @router.get("/healthz", include_in_schema=False)
    async def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @router.get("/readyz", include_in_schema=False)
    async def readyz() -> PlainTextResponse:
        reason = await _why_not_ready(store)
        return PlainTextResponse(f"{reason or 'ok'}\n", 503 if reason else 200)

    @router.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        cameras = tuple(site.site.enabled_cameras)
        processes = store.presence.processes(metrics=True)
        text = site_metrics(processes, cameras, store.statuses(cameras))
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    @router.get("/api/health")
    def health() -> Health:
        """How the site's processes and cameras are doing."""
        return watch.look(tuple(site.site.enabled_cameras))

    @router.post("/api/reload", responses={422: {"description": "settings that cannot be used"}})
    def reload_settings() -> Reloaded:
        """Reads cams.yaml anew: cameras that were added, changed or removed there follow."""
        try:
            return Reloaded(changes=reload())
        except ConfigError as error:
            raise HTTPException(422, str(error)) from None

    return router


async def _why_not_ready(store: Store) -> str | None:
    """None, or a sentence that anybody may read: where Redis is stays out of it."""
    try:
        await asyncio.wait_for(asyncio.to_thread(store.last_decision), _PROBE_SECONDS)
    except TimeoutError:
        return f"Redis has not answered within {_PROBE_SECONDS:.0f} s"
    except StoreError:
        return "Redis cannot be reached or refuses"
    return None
