"""A process's own health by HTTP, for those who watch over processes: Kubernetes, Docker, people.

`/healthz` says whether the process works (else it is to be started again), `/readyz` whether it
can do its part now, `/metrics` what it measures. They tell nothing about people or pictures.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST

from pipeline.errors import ConfigError, redact
from pipeline.metrics import Metrics

Check = Callable[[], str | None]
"""Gives None if all is well, else one sentence that says what is not."""

_TEXT = "text/plain; charset=utf-8"
_REQUEST_SECONDS = 3.0  # a client that does not finish its request in time is sent away
_CONNECTIONS = 16


@contextmanager
def serve_health(
    port: int | None,
    metrics: Metrics,
    healthy: Check,
    ready: Check,
    *,
    host: str = "127.0.0.1",
) -> Iterator[str]:
    """Answers `/healthz`, `/readyz` and `/metrics` in a thread for as long as the context lasts.

    Args:
        port: where to listen, 0 for any free port, None for not at all.
        metrics: what `/metrics` shows.
        healthy, ready: asked at every request; they have to answer at once.
        host: address of this machine to listen at.

    Yields:
        the address, such as `http://127.0.0.1:9100`, or "" without a port.

    Raises:
        ConfigError: nothing can listen there.
    """
    if port is None:
        yield ""
        return
    routes = {
        "/healthz": lambda: _verdict(healthy),
        "/readyz": lambda: _verdict(ready),
        "/metrics": lambda: (200, CONTENT_TYPE_LATEST, metrics.exposition()),
    }
    with _listen(host, port, routes) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="health")
        thread.start()
        try:
            shown = f"[{host}]" if ":" in host else host
            yield f"http://{shown}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


_Answer = tuple[int, str, bytes]
_Routes = dict[str, Callable[[], _Answer]]


def _verdict(check: Check) -> _Answer:
    try:
        reason = check()
    except Exception as error:  # a check that fails must not look like health
        reason = f"{type(error).__name__}: {error}"
    if reason is None:
        return 200, _TEXT, b"ok\n"
    return 503, _TEXT, f"{redact(reason)}\n".encode()


def _listen(host: str, port: int, routes: _Routes) -> _Server:
    try:
        return _Server(host, port, routes)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"health port: expected a free port of this machine, found {host}:{port} ({why})"
        ) from None


class _Server(ThreadingHTTPServer):
    """Answers every request in a thread of its own, a bounded number at once."""

    def __init__(self, host: str, port: int, routes: _Routes) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.routes = routes
        self._free = threading.BoundedSemaphore(_CONNECTIONS)
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up in the middle is no news."""


class _Handler(BaseHTTPRequestHandler):
    timeout = _REQUEST_SECONDS
    server: _Server
    server_version = "Handoff"
    sys_version = ""

    def do_GET(self) -> None:
        route = self.server.routes.get(self.path.partition("?")[0])
        status, kind, body = route() if route else (404, _TEXT, b"not found\n")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the standard library's names

    def log_message(self, format: str, *args: Any) -> None:
        """Every probe a line would bury the log."""
