"""What the routes work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.store import Store
from pipeline.viewer.feed import Feed
from pipeline.viewer.passage_book import PassageBook
from pipeline.viewer.search import PictureSearch
from pipeline.viewer.source import SiteSource
from pipeline.viewer.watch import Watch


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the viewer that answers are made of.

    Attributes:
        store: where everything comes from.
        site: cams.yaml as it is now.
        watch: how processes and cameras are doing.
        search: looks for people by picture.
        passages: who passed which camera when.
        feed: tells what happens to those who follow it.
        reload: reads the settings anew and gives a sentence for each change.
    """

    store: Store
    site: SiteSource
    watch: Watch
    search: PictureSearch
    passages: PassageBook
    feed: Feed
    reload: Callable[[], list[str]]

    @property
    def cameras(self) -> tuple[str, ...]:
        """The site's cameras in the order of cams.yaml."""
        return tuple(self.site.site.enabled_cameras)
