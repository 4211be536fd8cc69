"""Runs the viewer until it is told to stop."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI

from pipeline.config import Site
from pipeline.errors import ConfigError
from pipeline.metrics import Metrics
from pipeline.store import Store
from pipeline.viewer.app import create_app
from pipeline.viewer.source import FixedSite, SiteSource
from pipeline.viewer.tls import Certificate
from pipeline.viewer_settings import LOCAL, ViewerSettings

log = structlog.get_logger()

_MAX_REQUEST_BYTES = 65536
_RENEW_TICKS = 100  # ten a second


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
        ConfigError: nothing can listen at viewer.host and viewer.port, or viewer.tls cannot be
            used.
    """
    source = FixedSite(site) if isinstance(site, Site) else site
    app = create_app(source, store, metrics=metrics or Metrics("viewer"), reload=reload)
    run(app, source.site.viewer, started=started, stop=stop)


def run(
    app: FastAPI,
    settings: ViewerSettings,
    *,
    started: Callable[[str], None],
    stop: threading.Event | None = None,
) -> None:
    """Serves an application; arguments and errors as of `serve`."""
    certificate = Certificate(settings.tls) if settings.tls else None
    with _listen(settings) as listener:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            ws_per_message_deflate=False,  # pictures are compressed already
            ws_max_size=_MAX_REQUEST_BYTES,
            timeout_graceful_shutdown=1,
            proxy_headers=bool(settings.proxies),
            forwarded_allow_ips=list(settings.proxies),
            **_encrypted(certificate),
        )
        _warn_in_the_clear(settings)
        server = _Server(
            config,
            started=lambda: started(_address(listener, settings)),
            stop=stop,
            certificate=certificate,
        )
        asyncio.run(server.serve(sockets=[listener]))


class _Server(uvicorn.Server):
    """uvicorn's server, but it says when it answers, an event can stop it, and signals just do."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        started: Callable[[], None],
        stop: threading.Event | None,
        certificate: Certificate | None,
    ) -> None:
        super().__init__(config)
        self._say_started = started
        self._stop = stop or threading.Event()
        self._certificate = certificate

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._say_started()

    async def on_tick(self, counter: int) -> bool:
        if self._certificate is not None and counter % _RENEW_TICKS == 0:
            self._certificate.renew()
        return await super().on_tick(counter) or self._stop.is_set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own would raise the signal once more after a clean end.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        yield


def _encrypted(certificate: Certificate | None) -> dict[str, Any]:
    if certificate is None:
        return {}
    return {"ssl_context_factory": lambda config, default: certificate.context}


def _warn_in_the_clear(viewer: ViewerSettings) -> None:
    if viewer.tls is None and not viewer.proxies and viewer.host not in LOCAL:
        log.warning(
            "passwords, tokens and pictures of people travel in the clear: other machines reach "
            f"this viewer at {viewer.host}, and viewer.tls is not set"
        )


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
    scheme = "https" if viewer.tls else "http"
    return f"{scheme}://{shown}:{listener.getsockname()[1]}/"
