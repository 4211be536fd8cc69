"""A client of the REST interface, for scripts and tests.

    with Client("http://127.0.0.1:8080") as site:
        for person in site.identities(live=True):
            print(person.identity, person.name, person.cameras)

Answers are the interface's own types; lists are read a page at a time while they are walked
through. docs/api.md has an example of everything.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar
from urllib.parse import quote

import requests
from pydantic import TypeAdapter

from pipeline.corrections import Correction
from pipeline.data import TrackletRecord
from pipeline.errors import HandoffError
from pipeline.events import Event
from pipeline.server_sent import read_blocks
from pipeline.viewer.api.areas import CameraAreas
from pipeline.viewer.api.decisions import DecisionEntry
from pipeline.viewer.api.graph import GraphView
from pipeline.viewer.api.identities import Transit
from pipeline.viewer.api.paging import Page
from pipeline.viewer.api.plan import PlanView
from pipeline.viewer.api.search import Found
from pipeline.viewer.api.statistics import StatisticsView
from pipeline.viewer.api.tracklets import AttentionView, TrackletView
from pipeline.viewer.messages import CameraView, Health, IdentityView, Reloaded

T = TypeVar("T")
Query = Mapping[str, object]
Export = Literal[
    "identities.csv", "identities.json", "tracklets.csv", "tracklets.json", "statistics.csv",
    "statistics.json",
]  # fmt: skip

_PAGE = 200
_CHUNK_BYTES = 1 << 16
_AGAIN_SECONDS = 2.0
_UNAVAILABLE = 503
_EVENT = TypeAdapter(Event)


class ApiError(HandoffError):
    """The viewer refuses, or cannot be reached.

    Attributes:
        status: of HTTP; 0 if there was no answer.
    """

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """One viewer. Every method may raise ApiError, whose message is the viewer's own sentence.

    Wherever `camera`, `begin` and `end` (seconds since the epoch) can be given, only what was seen
    there and then counts.

    Args:
        address: of the page, such as `http://127.0.0.1:8080`.
        token: the viewer's, if it has one.
        verify: False, or a file of certificate authorities, for a viewer with a certificate that
            this machine does not know.
        timeout_seconds: longest wait for an answer; the first search loads models.
    """

    def __init__(
        self,
        address: str,
        *,
        token: str | None = None,
        verify: bool | Path = True,
        timeout_seconds: float = 60.0,
    ) -> None:
        self._base = f"{address.rstrip('/')}/api/v1"
        self._timeout = timeout_seconds
        self._session = requests.Session()
        self._session.verify = str(verify) if isinstance(verify, Path) else verify
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._session.close()

    # ── who was seen ────────────────────────────────────────────────────────────────────────

    def cameras(self) -> list[CameraView]:
        """The site's cameras and how they are doing."""
        return self._get("cameras", list[CameraView])

    def identities(
        self,
        *,
        camera: str | None = None,
        begin: float | None = None,
        end: float | None = None,
        live: bool | None = None,
        name: str | None = None,
    ) -> Iterator[IdentityView]:
        """People, most recently seen first.

        Args:
            camera, begin, end: where and when they were seen.
            live: in view now, or not in view.
            name: a part of the name people gave them.
        """
        query = _seen(camera, begin, end) | {"live": live, "name": name}
        return self._pages("identities", IdentityView, query)

    def identity(self, number: int) -> IdentityView:
        """One person; a number that was merged leads to the one that has it now."""
        return self._get(f"identities/{number}", IdentityView)

    def transits(self, number: int) -> Iterator[Transit]:
        """One person's ways from tracklet to tracklet."""
        return self._pages(f"identities/{number}/transits", Transit, {})

    def tracklets(
        self,
        *,
        camera: str | None = None,
        begin: float | None = None,
        end: float | None = None,
        identity: int | None = None,
    ) -> Iterator[TrackletRecord]:
        """Tracklets, those that ended last first."""
        query = _seen(camera, begin, end) | {"identity": identity}
        return self._pages("tracklets", TrackletRecord, query)

    def tracklet(self, tracklet: str) -> TrackletView:
        """One tracklet, and what its identity rests on."""
        return self._get(f"tracklets/{_part(tracklet)}", TrackletView)

    def attention(self, tracklet: str) -> AttentionView:
        """Where the network looks in a tracklet's picture."""
        return self._get(f"tracklets/{_part(tracklet)}/attention", AttentionView)

    def crop(self, tracklet: str) -> bytes:
        """A tracklet's picture, a JPEG."""
        return self._ask("GET", f"crops/{_part(tracklet)}.jpg").content

    def decisions(
        self, *, after: str | None = None, kind: str | None = None
    ) -> Iterator[DecisionEntry]:
        """What was decided, newest first; with `after`, what came after that one, oldest first."""
        return self._pages("decisions", DecisionEntry, {"after": after, "kind": kind})

    # ── search ──────────────────────────────────────────────────────────────────────────────

    def search(
        self,
        wanted: Path | bytes | str,
        *,
        camera: str | None = None,
        begin: float | None = None,
        end: float | None = None,
        count: int = 50,
        person: int | None = None,
    ) -> Found:
        """Looks for a person.

        Args:
            wanted: a photo as a file or its bytes, or the id of a tracklet that is there.
            camera, begin, end: where and when they were seen.
            count: tracklets at most.
            person: which of the people in the photo; None: the most certain one.
        """
        query = _seen(camera, begin, end) | {"count": count, "person": person}
        if isinstance(wanted, str):
            return self._post("search", Found, query, json={"tracklet": wanted})
        data = wanted.read_bytes() if isinstance(wanted, Path) else wanted
        return self._post("search", Found, query, files={"picture": data})

    # ── corrections ─────────────────────────────────────────────────────────────────────────

    def corrections(self, *, identity: int | None = None) -> Iterator[Correction]:
        """What people corrected, newest first."""
        return self._pages("corrections", Correction, {"identity": identity})

    def merge(self, keep: int, other: int) -> Correction:
        """Two identities are one person: from now on all is `keep`'s."""
        return self._correct(kind="merge", keep=keep, other=other)

    def split(self, identity: int, tracklets: Sequence[str]) -> Correction:
        """Some tracklets of an identity are another person, who gets a number of their own."""
        return self._correct(kind="split", identity=identity, tracklets=list(tracklets))

    def rename(self, identity: int, name: str | None) -> Correction:
        """Gives an identity a name; None takes it away."""
        return self._correct(kind="rename", identity=identity, name=name)

    def forget(self, identity: int) -> Correction:
        """Erases an identity and all that hangs on it, for good."""
        return self._correct(kind="forget", identity=identity)

    def undo(self, correction: str) -> Correction:
        """Takes a merge, a split or a renaming back."""
        return self._correct(kind="undo", correction=correction)

    # ── the site ────────────────────────────────────────────────────────────────────────────

    def statistics(self, *, begin: float | None = None, end: float | None = None) -> StatisticsView:
        """How many people, where, and for how long: of the last day, or of the time given."""
        return self._get("statistics", StatisticsView, _seen(None, begin, end))

    def graph(self, *, begin: float | None = None, end: float | None = None) -> GraphView:
        """The ways between cameras: what was learned of them, and who walked them."""
        return self._get("graph", GraphView, _seen(None, begin, end))

    def areas(self) -> list[CameraAreas]:
        """Zones and masks of every camera."""
        return self._get("areas", list[CameraAreas])

    def plan(self) -> PlanView:
        """The floor plan, as far as cameras are calibrated."""
        return self._get("plan", PlanView)

    def export(
        self,
        file: Export,
        *,
        camera: str | None = None,
        begin: float | None = None,
        end: float | None = None,
    ) -> Iterator[bytes]:
        """A file, piece by piece as it comes."""
        query = _seen(camera, begin, end)
        return _pieces(self._ask("GET", f"export/{file}", query, stream=True))

    def health(self) -> Health:
        """How the site's processes and cameras are doing."""
        return self._get("health", Health)

    def reload(self) -> list[str]:
        """Has all processes read cams.yaml anew; gives a sentence for each change."""
        return self._post("reload", Reloaded, {}).changes

    def events(
        self,
        *,
        kinds: Sequence[str] = (),
        cameras: Sequence[str] = (),
        identity: int | None = None,
        after: str | None = None,
    ) -> Iterator[Event]:
        """What happens, as it happens, without end; goes on by itself after an outage.

        Args:
            kinds: kinds such as `camera.lost`, or families such as `decision`; empty: all.
            cameras: only what happened there; empty: everything.
            identity: only what is about this person.
            after: begin with what came after the event of this id.
        """
        query = {"kind": list(kinds), "camera": list(cameras), "identity": identity}
        place = {"after": after}
        while True:
            try:
                yield from self._follow(query, place)
            except ApiError as error:
                if error.status and error.status != _UNAVAILABLE:
                    raise
            time.sleep(_AGAIN_SECONDS)

    def _follow(self, query: Query, place: dict[str, str | None]) -> Iterator[Event]:
        """Events until the connection ends; `place` says where it did."""
        answer = self._ask("GET", "events", {**query, **place}, stream=True)
        with answer:
            try:
                for block in read_blocks(map(str, answer.iter_lines(decode_unicode=True))):
                    place["after"] = block.id or place["after"]
                    if block.id and block.data:
                        yield _EVENT.validate_json(block.data, extra="ignore")
            except requests.RequestException:
                return  # it goes on at that place

    # ── how ─────────────────────────────────────────────────────────────────────────────────

    def _pages(self, path: str, kind: type[T], query: Query) -> Iterator[T]:
        adapter: TypeAdapter[Page[T]] = TypeAdapter(Page[kind])  # type: ignore[valid-type]
        pages = {} if path.endswith("transits") else {"count": _PAGE}
        cursor: str | None = None
        while True:
            asked = {**query, **pages, "cursor": cursor}
            page = _read(adapter, self._ask("GET", path, asked))
            yield from page.items
            if (cursor := page.next) is None:
                return

    def _correct(self, **wanted: object) -> Correction:
        return self._post("corrections", Correction, {}, json=wanted)

    def _get(self, path: str, kind: type[T], query: Query | None = None) -> T:
        return _read(TypeAdapter(kind), self._ask("GET", path, query))

    def _post(self, path: str, kind: type[T], query: Query, **body: Any) -> T:
        return _read(TypeAdapter(kind), self._ask("POST", path, query, **body))

    def _ask(
        self, method: str, path: str, query: Query | None = None, **more: Any
    ) -> requests.Response:
        given = {name: _said(value) for name, value in (query or {}).items() if value is not None}
        try:
            answer = self._session.request(
                method, f"{self._base}/{path}", params=given, timeout=self._timeout, **more
            )
        except requests.RequestException as error:
            raise ApiError(f"expected an answer of {self._base}, found: {error}") from None
        if not answer.ok:
            raise ApiError(_sentence(answer), status=answer.status_code)
        return answer


def _read(adapter: TypeAdapter[T], answer: requests.Response) -> T:
    # A newer viewer may tell more than this client knows.
    return adapter.validate_json(answer.content, extra="ignore")


def _pieces(answer: requests.Response) -> Iterator[bytes]:
    with answer:
        yield from answer.iter_content(_CHUNK_BYTES)


def _sentence(answer: requests.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.text.strip() or f"HTTP status {answer.status_code}"


def _seen(camera: str | None, begin: float | None, end: float | None) -> dict[str, object]:
    return {"camera": camera, "from": begin, "to": end}


def _said(value: object) -> str | list[str]:
    if isinstance(value, list):
        return [str(each) for each in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _part(name: str) -> str:
    return quote(name, safe="")
