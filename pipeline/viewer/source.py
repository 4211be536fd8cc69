"""Where the viewer takes the site's settings from: they may change while it runs."""

from __future__ import annotations

from typing import Protocol

from pipeline.config import Site


class SiteSource(Protocol):
    """cams.yaml as it is now; `pipeline.site_file.SiteFile` is one."""

    @property
    def site(self) -> Site:
        """The settings; another object after they have been read anew."""

    def reload(self) -> list[str]:
        """Reads the settings anew; gives a sentence for each change.

        Raises:
            ConfigError: they cannot be used; those from before stay.
        """


class FixedSite:
    """Settings that stay as they are."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def reload(self) -> list[str]:
        """Nothing ever changes."""
        return []
