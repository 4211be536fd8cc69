"""/api/v1 of a recording: the run, its boxes, its people, its pictures."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import FileResponse, Response
from numpy.typing import NDArray
from pydantic import Field

from pipeline.data import IdentityRecord
from pipeline.errors import HandoffError
from pipeline.viewer.api.paging import Page
from pipeline.viewer.api.problems import NOT_FOUND, not_found
from pipeline.viewer.api.selection import Selection
from pipeline.viewer.messages import IdentityView, Message
from pipeline.viewer.recording import Boxes, Recording, View
from pipeline.viewer.recording_pictures import Pictures, State
from pipeline.viewer.recording_stills import Stills

Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="number of an identity")]
WhichResults = Annotated[View, Query(description="with hindsight, or as decided while it ran")]

_MOST_FRAMES = 2000
_CLOCK_SECONDS = 0.002  # finer than files tell it
_DECIMALS = 5  # of a fraction of the picture


class RecordedCamera(Message):
    """One camera of the recording."""

    name: str
    width: int = Field(description="of its pictures, pixels; 0: it had none")
    height: int
    rate: float = Field(description="pictures per second in its video")
    frames: int = Field(description="how many pictures there are")
    clock: list[tuple[int, float]] = Field(
        description="index and time of some pictures; in between, time passes evenly"
    )
    state: State = Field(description="whether its video is there")
    progress: float = Field(description="how much of its video is made, 0 to 1")
    truth: bool = Field(description="true if there is ground truth")


class RecordingView(Message):
    """A folder of results. Times are seconds since the epoch."""

    site: str
    network: str
    folder: str = Field(description="its name, without the way to it")
    begin: float
    end: float
    privacy: str = Field(description="what of people is pixelated: none, faces or persons")
    problem: str | None = Field(description="why a camera has no video and will not get one")
    results: list[View]
    cameras: list[RecordedCamera]
    evaluation: dict[View, dict[str, Any]] = Field(description="what pipeline.evaluate has found")


class BoxesView(Message):
    """Boxes of some pictures that follow each other."""

    first: int = Field(description="index of the first picture, from 0")
    times: list[float] = Field(description="when each was taken, seconds since the epoch")
    boxes: list[list[tuple[int, float, float, float, float]]] = Field(
        description="of each picture: identity, and x, y, width, height in fractions of the picture"
    )


def router(recording: Recording, pictures: Pictures, stills: Stills) -> APIRouter:
    """The routes of one recording."""
    routes = APIRouter(tags=["recording"])

    @routes.get("/recording")
    def get_recording() -> RecordingView:
        """What was recorded, and which results there are."""
        return _view(recording, pictures)

    @routes.get("/recording/cameras/{camera}/boxes", responses=NOT_FOUND)
    def get_boxes(
        camera: str,
        whose: Annotated[Boxes, Query(description="of which results, or the truth")] = "hindsight",
        first: Annotated[int, Query(ge=0, description="index of a picture, from 0")] = 0,
        count: Annotated[int, Query(ge=1, le=_MOST_FRAMES, description="pictures")] = 500,
    ) -> BoxesView:
        """Who is where in some of a camera's pictures."""
        return _boxes(recording, camera, whose, first, count)

    @routes.get("/recording/cameras/{camera}.mp4", responses=NOT_FOUND, response_class=FileResponse)
    def get_video(camera: str) -> FileResponse:
        """A camera's pictures as H.264 in MP4, without boxes; a part of it by `Range`."""
        path = pictures.video(camera)
        if path is None:
            raise not_found("a camera whose video is ready", camera)
        return FileResponse(path, media_type="video/mp4")

    @routes.get(
        "/recording/cameras/{camera}/pictures/{index}.jpg",
        responses=NOT_FOUND,
        response_class=Response,
    )
    def get_picture(
        camera: str, index: Annotated[int, Path(ge=0, description="of the picture, from 0")]
    ) -> Response:
        """One of a camera's pictures, without boxes, decoded from the recording."""
        try:
            picture = stills.jpeg(camera, index)
        except HandoffError:  # why, `problem` says
            picture = None
        if picture is None:
            raise not_found("a camera's picture that can be read", f"{camera}, {index}")
        return Response(picture, media_type="image/jpeg")

    @routes.get("/identities")
    def list_identities(
        selection: Annotated[Selection, Depends()], results: WhichResults = "hindsight"
    ) -> Page[IdentityView]:
        """Everybody who was seen, most recently seen first, in one page."""
        people = _people(recording, results).values()
        wanted = [p for p in people if any(map(selection.holds, p.tracklets))]
        latest = sorted(wanted, key=lambda p: (p.last_seen, p.identity), reverse=True)
        return Page(items=[IdentityView.of(p) for p in latest], next=None)

    @routes.get("/identities/{number}", responses=NOT_FOUND)
    def get_identity(number: Number, results: WhichResults = "hindsight") -> IdentityView:
        """One person, with every tracklet that is theirs."""
        person = _people(recording, results).get(number)
        if person is None:
            raise not_found("the number of somebody in these results", number)
        return IdentityView.of(person)

    @routes.get("/crops/{tracklet}.jpg", responses=NOT_FOUND, response_class=FileResponse)
    def get_crop(tracklet: str) -> FileResponse:
        """A tracklet's best picture."""
        path = recording.thumbnail(tracklet)
        if path is None:
            raise not_found("a tracklet whose picture is kept", tracklet)
        return FileResponse(path, media_type="image/jpeg")

    return routes


def _view(recording: Recording, pictures: Pictures) -> RecordingView:
    results = recording.results
    return RecordingView(
        site=recording.run.site,
        network=recording.run.network,
        folder=recording.folder.name,
        begin=recording.begin,
        end=recording.end,
        privacy=recording.run.privacy.people,
        problem=pictures.problem,
        results=list(results),
        cameras=[_camera(recording, pictures, name) for name in recording.run.cameras],
        evaluation={v: r.evaluation for v, r in results.items() if r.evaluation is not None},
    )


def _camera(recording: Recording, pictures: Pictures, name: str) -> RecordedCamera:
    camera = recording.run.cameras[name]
    width, height = camera.size
    return RecordedCamera(
        name=name,
        width=width,
        height=height,
        rate=camera.rate,
        frames=len(recording.times[name]),
        clock=knots(recording.times[name]),
        state=pictures.state(name),
        progress=pictures.progress(name),
        truth=name in recording.truth,
    )


def _boxes(recording: Recording, camera: str, whose: Boxes, first: int, count: int) -> BoxesView:
    table = recording.boxes(whose, camera)
    if table is None:
        raise not_found(f"a camera that has boxes of {whose}", camera)
    width, height = recording.run.cameras[camera].size
    times = recording.times[camera][first : first + count]
    scale = (width or 1, height or 1) * 2
    boxes = []
    for index in range(first, first + len(times)):
        rows = table.at(index + 1)
        xywh = rows.xyxy.copy()
        xywh[:, 2:] -= xywh[:, :2]
        shares = (xywh / scale).round(_DECIMALS).tolist()
        boxes.append([(int(n), *box) for n, box in zip(rows.identity, shares, strict=True)])
    return BoxesView(first=first, times=times.tolist(), boxes=boxes)


def _people(recording: Recording, view: View) -> dict[int, IdentityRecord]:
    results = recording.results.get(view)
    return results.identities if results else {}


def knots(times: NDArray[np.float64]) -> list[tuple[int, float]]:
    """The pictures between which times can be interpolated to `_CLOCK_SECONDS`."""
    if not len(times):
        return []
    last = len(times) - 1
    kept, parts = {0, last}, [(0, last)]
    while parts:
        first, end = parts.pop()
        even = np.linspace(times[first], times[end], end - first + 1)
        errors = np.abs(times[first : end + 1] - even)
        if errors.max() > _CLOCK_SECONDS:
            middle = first + int(errors.argmax())
            kept.add(middle)
            parts += [(first, middle), (middle, end)]
    return [(index, float(times[index])) for index in sorted(kept)]
