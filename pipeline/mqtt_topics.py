"""What a broker is told about a site, topic by topic. Pure.

`<topic>/<site>/` is followed by

| topic | what |
|---|---|
| `status` | `online` while somebody speaks for the site, else `offline` |
| `people` | how many people are in view of any camera |
| `cameras/<camera>/people` | how many the camera sees |
| `cameras/<camera>/status` | `online` while pictures arrive, else `offline` |
| `cameras/<camera>/state` | JSON: state, problem, error, node, since |
| `events/<family>/<kind>` | JSON of an event, as in `/events`; the only one that is not retained |

Names of sites and cameras hold letters, digits, - and _ alone, so each is a level of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Set

from pipeline.data import CameraState, CameraStatus
from pipeline.events import LOST

ONLINE, OFFLINE = "online", "offline"


class Topics:
    """The topics of one site.

    Args:
        topic: what they begin with.
        site: name of the site.
    """

    def __init__(self, topic: str, site: str) -> None:
        self._root = f"{topic}/{site}"
        self.id = self._root.replace("/", "_")

    @property
    def client(self) -> str:
        """The name of whoever speaks for the site, no longer than any broker takes."""
        return f"handoff-{hashlib.sha256(self._root.encode()).hexdigest()[:12]}"

    @property
    def status(self) -> str:
        """Whether somebody speaks for the site."""
        return f"{self._root}/status"

    @property
    def people(self) -> str:
        """How many people are in view of any camera."""
        return f"{self._root}/people"

    @property
    def cameras(self) -> str:
        """A filter for all that is held about cameras."""
        return f"{self._root}/cameras/+/+"

    def camera(self, name: str, what: str) -> str:
        """`people`, `status` or `state` of a camera."""
        return f"{self._root}/cameras/{name}/{what}"

    def event(self, kind: str) -> str:
        """Where an event of a kind such as `decision.new` is told."""
        return f"{self._root}/events/{kind.replace('.', '/')}"

    def held(
        self,
        cameras: Iterable[str],
        statuses: Mapping[str, CameraStatus],
        people: Mapping[str, Set[int]],
    ) -> dict[str, str]:
        """Topic → what it holds now; that the site is online comes last.

        Args:
            cameras: the site's cameras.
            statuses: how those that a node runs are doing.
            people: numbers of the people each camera sees.
        """
        found = {self.people: str(len(set().union(*people.values())))}
        for name in cameras:
            status = statuses.get(name)
            runs = status is not None and status.state is CameraState.RUNNING
            found[self.camera(name, "people")] = str(len(people.get(name, ())))
            found[self.camera(name, "state")] = _state(status)
            found[self.camera(name, "status")] = ONLINE if runs else OFFLINE
        return found | {self.status: ONLINE}


def _state(status: CameraStatus | None) -> str:
    told: dict[str, object] = {"state": LOST, "problem": None, "error": "no node runs it"}
    if status is not None:
        told = {name: getattr(status, name) for name in (*told, "node", "since")}
    return json.dumps(told)
