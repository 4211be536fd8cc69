"""The page that opens a folder of results: no Redis, no cams.yaml, no cameras."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.errors import ConfigError
from pipeline.viewer.access import refusal
from pipeline.viewer.api import PREFIX
from pipeline.viewer.api.problems import add_handlers
from pipeline.viewer.app import REVALIDATE, STATIC, Static
from pipeline.viewer.headers import with_headers
from pipeline.viewer.recording import Recording
from pipeline.viewer.recording_api import router
from pipeline.viewer.recording_pictures import Pictures
from pipeline.viewer.recording_stills import Stills
from pipeline.viewer.server import run
from pipeline.viewer_settings import ViewerSettings

_WITH_VIDEO = {
    "Content-Security-Policy": (  # as all pages', and videos of our own
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )
}


class LocalGuard:
    """Answers this machine's own browsers alone, and adds the security headers to every answer.

    Like `Guard`, for a viewer that nobody else can reach and that knows no users.

    Args:
        app: what is guarded.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        answer = refusal(scope, local=True) or self._app
        await answer(scope, receive, with_headers(scope, send))


def create_recording_app(recording: Recording, pictures: Pictures, stills: Stills) -> FastAPI:
    """The viewer of one folder of results, for this machine alone.

    Args:
        recording: what is shown.
        pictures: where its videos are.
        stills: single pictures, for the time until there are videos.
    """
    app = FastAPI(
        title="Handoff: a recording",
        version="1",
        description="Who was seen in a recording, by which camera, when and where.",
        docs_url=None,  # see create_app
        redoc_url=None,
        openapi_url=f"{PREFIX}/openapi.json",
    )
    app.add_middleware(LocalGuard)
    add_handlers(app)
    app.include_router(router(recording, pictures, stills), prefix=PREFIX)
    app.mount("/static", Static(directory=STATIC), name="static")

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(STATIC / "recording.html", headers=REVALIDATE | _WITH_VIDEO)

    @app.get("/favicon.ico", include_in_schema=False)
    async def icon() -> FileResponse:
        return FileResponse(STATIC / "icon.svg", headers=REVALIDATE)

    return app


def serve_recording(
    folder: Path,
    *,
    port: int | None = None,
    started: Callable[[str], None] = print,
    stop: threading.Event | None = None,
) -> None:
    """Shows a folder of results until SIGINT or SIGTERM, or until `stop` is set.

    Args:
        folder: what `--offline --output` was given.
        port: to listen on, on this machine; 0: any free one; None: the usual one if it is free.
        started: is given the page's address once it answers.
        stop: ends serving within a second.

    Raises:
        ConfigError: the folder holds no results, or nothing can listen there.
    """
    recording = Recording(folder)
    with Stills(recording) as stills, Pictures(recording) as pictures:

        def serve(settings: ViewerSettings) -> None:
            app = create_recording_app(recording, pictures, stills)
            run(app, settings, started=started, stop=stop)

        try:
            serve(ViewerSettings() if port is None else ViewerSettings(port=port))
        except ConfigError:
            if port is not None:
                raise
            serve(ViewerSettings(port=0))  # something else is at the usual port
