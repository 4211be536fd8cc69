"""The settings of a running process: cams.yaml, read anew when somebody asks for it."""

from __future__ import annotations

import threading
from pathlib import Path

from pipeline.config import CameraSettings, Site, load_site
from pipeline.viewer_settings import ViewerSettings

_FIXED = ("site", "device", "ingest", "detector", "tracker", "network", "matching",
          "topology", "redis", "privacy", "viewer", "retention")  # fmt: skip
_ADMISSION = ("users", "token", "view_token", "session")


class SiteFile:
    """cams.yaml, whose cameras may change while it is in use.

    May be used from any thread.

    Args:
        path: the file.

    Attributes:
        site: the settings as last read; never half old and half new.
        version: grows whenever the cameras change.

    Raises:
        ConfigError: one sentence per mistake in the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.site: Site = load_site(path)
        self.version = 0

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def cameras(self) -> dict[str, CameraSettings]:
        """The cameras that are switched on, as of now."""
        return self.site.enabled_cameras

    def reload(self) -> list[str]:
        """Reads the file again; cameras, who may see the page, and who is told change at once.

        All else stays until a restart.

        Returns:
            what is different, a sentence each; empty if nothing is.

        Raises:
            ConfigError: there are mistakes in it; everything stays as it was.
        """
        with self._lock:
            fresh = load_site(self._path)
            said = _differences(self.site, fresh)
            self.site = self.site.model_copy(update={"viewer": _admitting(self.site, fresh)})
            outside = {"webhooks": fresh.webhooks, "mqtt": fresh.mqtt}
            self.site = self.site.model_copy(update=outside)
            if fresh.cameras != self.site.cameras or fresh.nodes != self.site.nodes:
                changes = {"cameras": fresh.cameras, "nodes": fresh.nodes}
                self.site = self.site.model_copy(update=changes)
                self.version += 1
            return said


def _admitting(old: Site, new: Site) -> ViewerSettings:
    """How the page listens as it was, who may see it as it is now."""
    changes = {key: getattr(new.viewer, key) for key in _ADMISSION}
    admitting = old.viewer.model_copy(update=changes)
    return admitting if admitting.local or admitting.guarded else old.viewer


def _differences(old: Site, new: Site) -> list[str]:
    before, after = old.enabled_cameras, new.enabled_cameras
    said = [f"camera {name} is new" for name in after if name not in before]
    said += [f"camera {name} is gone" for name in before if name not in after]
    said += [f"camera {n} has changed" for n in after if n in before and after[n] != before[n]]
    if old.nodes != new.nodes:
        said.append("nodes have changed")
    if old.webhooks != new.webhooks:
        said.append("webhooks have changed")
    if old.mqtt != new.mqtt:
        said.append("mqtt has changed")
    admitting = _admitting(old, new)
    if admitting != old.viewer:
        said.append("who may see the page has changed")
    old = old.model_copy(update={"viewer": admitting})
    for section in type(new).model_fields:
        if section in _FIXED and getattr(old, section) != getattr(new, section):
            said.append(f"{section} has changed, which takes effect with the next start")
    return said
