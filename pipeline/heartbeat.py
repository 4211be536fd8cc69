"""Heartbeat: a process says how it is doing, and hears when settings are to be read anew."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import structlog

from pipeline.data import ProcessRecord
from pipeline.errors import ConfigError, StoreError
from pipeline.metrics import Metrics
from pipeline.presence import Presence
from pipeline.site_file import SiteFile

_BEAT_SECONDS = 1.0
_METRICS_EVERY = 3  # beats

log = structlog.get_logger()

Details = Callable[[], dict[str, Any]]
"""Fields of `ProcessRecord` that change: `ready`, `note`, `demand`, …"""


class Heartbeat(threading.Thread):
    """Writes a process's record about once a second, and reloads cams.yaml when asked to.

    It is asked by `reload` (SIGHUP) or through Redis (`Presence.ask_reload`).

    Args:
        presence: where the record goes.
        name: of the process; no other of the site has it.
        role: what the process is there for.
        site: its settings, or None if it has none that may change.
        metrics: what it measures.
        details: gives what changes in the record.
    """

    def __init__(
        self,
        presence: Presence,
        *,
        name: str,
        role: str,
        site: SiteFile | None,
        metrics: Metrics,
        details: Details,
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._presence = presence
        self._process = name
        self._role = role
        self._site = site
        self._metrics = metrics
        self._details = details
        self._since = time.time()
        self._beats = 0
        self._wake = threading.Event()
        self._stopping = False
        self._asked = threading.Event()
        self._reloads: int | None = None
        self._trouble = "Redis has not been reached yet"

    @property
    def trouble(self) -> str:
        """Why Redis cannot be reached, one sentence, or ""."""
        return self._trouble

    def reload(self) -> None:
        """Asks for cams.yaml to be read anew; returns at once, also in a signal's handler."""
        self._asked.set()
        self._wake.set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping = True
        self._wake.set()
        self.join(2.0)

    def run(self) -> None:
        while not self._stopping:
            try:
                self._beat()
                self._trouble = ""
            except StoreError as error:
                self._trouble = str(error)
            except Exception:  # a process without a heartbeat would count as dead
                log.exception("the heartbeat failed, goes on")
            if self._asked.is_set():
                self._asked.clear()
                self._reload()
            self._wake.wait(_BEAT_SECONDS)
            self._wake.clear()
        with suppress(StoreError):
            self._presence.remove_process(self._process)

    def _beat(self) -> None:
        asked = self._presence.reloads_asked()
        if self._reloads is not None and asked != self._reloads:
            self._asked.set()
        self._reloads = asked
        self._presence.put_process(self._record())

    def _record(self) -> ProcessRecord:
        with_metrics = self._beats % _METRICS_EVERY == 0
        self._beats += 1
        return ProcessRecord(
            name=self._process,
            role=self._role,
            host=socket.gethostname(),
            pid=os.getpid(),
            started=self._since,
            updated=time.time(),
            metrics=self._metrics.exposition() if with_metrics else b"",
            **self._details(),
        )

    def _reload(self) -> None:
        if self._site is None:
            return
        try:
            said = self._site.reload()
        except ConfigError as error:
            log.error("settings stay as they were", error=str(error))
        else:
            log.warning("settings read anew", changes=said or ["none"])
