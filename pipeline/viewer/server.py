"""Runs the viewer until it is told to stop."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from pipeline.config import Site
from pipeline.errors import ConfigError
from pipeline.metrics import Metrics
from pipeline.store import Store
from pipeline.viewer.app import create_app
from pipeline.viewer.source import FixedSite, SiteSource
from pipeline.viewer_settings import ViewerSettings

_MAX_REQUEST_BYTES = 65536


def serve(
    site: Site | SiteSource,
    store: Store,
    *,
    metrics: Metrics | None = None,
    reload: Callable[[], list[str]] | None = None,
    started: Callable[[str], None] = print,
    stop: threading.Event | None = None,
) -> None:
    """Serves the live page until SIGINT or SIGTERM (in the main thread), or until `stop` is set.

    Args:
        site: cams.yaml, or where to find it as it is now; its section `viewer` says where to
            listen and whether a token is needed, as it is now.
        store: where everything shown comes from.
        metrics: what the viewer measures.
        reload: what `POST /api/v1/reload` does; see `create_app`.
        started: is given the page's address, such as `http://127.0.0.1:8080/`, once it answers.
        stop: ends serving within a second, browsers or not.

    Raises:
        ConfigError: nothing can listen at viewer.host and viewer.port.
    """
    source = FixedSite(site) if isinstance(site, Site) else site
    settings = source.site.viewer
    with _listen(settings) as listener:
        config = uvicorn.Config(
            create_app(source, store, metrics=metrics or Metrics("viewer"), reload=reload),
            log_config=None,
            access_log=False,
            server_header=False,
            ws_per_message_deflate=False,  # pictures are compressed already
            ws_max_size=_MAX_REQUEST_BYTES,
            timeout_graceful_shutdown=1,
        )
        server = _Server(config, started=lambda: started(_address(listener, settings)), stop=stop)
        asyncio.run(server.serve(sockets=[listener]))


class _Server(uvicorn.Server):
    """uvicorn's server, but it says when it answers, an event can stop it, and signals just do."""

    def __init__(
        self, config: uvicorn.Config, *, started: Callable[[], None], stop: threading.Event | None
    ) -> None:
        super().__init__(config)
        self._say_started = started
        self._stop = stop or threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._say_started()

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._stop.is_set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own would raise the signal once more after a clean end.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        yield


def _listen(viewer: ViewerSettings) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            viewer.host, viewer.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise ConfigError(
            f"viewer.host: expected a name or address of this machine, found {viewer.host!r} "
            f"({error.strerror})"
        ) from None
    try:
        return socket.create_server(address, family=family, backlog=128)
    except OSError as error:
        raise ConfigError(_listen_problem(viewer, error)) from None


def _listen_problem(viewer: ViewerSettings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"viewer.port: expected a free port on {viewer.host}, found that another program "
            f"listens on {viewer.port} (0 takes any free one)"
        )
    if error.errno == errno.EACCES:
        return f"viewer.port: expected a port we may use (1024 or above), found {viewer.port}"
    return f"viewer.host: expected an address of this machine, found {viewer.host!r} ({error})"


def _address(listener: socket.socket, viewer: ViewerSettings) -> str:
    name = socket.gethostname() if viewer.host in ("0.0.0.0", "::") else viewer.host
    shown = f"[{name}]" if ":" in name else name
    return f"http://{shown}:{listener.getsockname()[1]}/"
