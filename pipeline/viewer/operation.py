"""What whoever watches over processes asks for: probes and metrics, at their usual places."""

from __future__ import annotations

import asyncio

import fastapi
from fastapi import Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from pipeline.errors import StoreError
from pipeline.store import Store
from pipeline.viewer.exposition import site_metrics
from pipeline.viewer.source import SiteSource

_PROBE_SECONDS = 2.0  # those who ask give up soon after


def operation(store: Store, site: SiteSource) -> fastapi.APIRouter:
    """The routes for operating a site.

    Args:
        store: where processes and cameras report to.
        site: cams.yaml as it is now.
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
        statuses, ways = store.statuses(cameras), store.events.outgoing()
        text = site_metrics(processes, cameras, statuses, ways)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

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
