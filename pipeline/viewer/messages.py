"""What the viewer and a browser say to each other, apart from the pictures.

The same types answer the REST interface, so its OpenAPI description describes both. Pictures are
binary messages of `pipeline.preview`, sent on unchanged.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from pipeline.data import CameraStatus, Decision, IdentityRecord, TrackletRecord


class Message(BaseModel):
    """Common ground: what is not known is refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CameraView(Message):
    """A camera of cams.yaml and how it is doing; `status` is null while no node reports it."""

    name: str
    status: CameraStatus | None


class IdentityView(Message):
    """A person across cameras. Times are capture times, seconds since the epoch (UTC)."""

    identity: int
    name: str | None = Field(None, description="what a person has called them")
    first_seen: float
    last_seen: float
    cameras: tuple[str, ...] = Field(description="in the order in which they first saw the person")
    tracklets: tuple[TrackletRecord, ...] = Field(description="in order of time")

    @classmethod
    def of(cls, record: IdentityRecord) -> IdentityView:
        """The view of a record."""
        return cls(
            identity=record.identity,
            name=record.name,
            first_seen=record.first_seen,
            last_seen=record.last_seen,
            cameras=record.cameras,
            tracklets=record.tracklets,
        )


class Snapshot(Message):
    """Everything a page needs to begin with, or to begin anew."""

    type: Literal["snapshot"] = "snapshot"
    site: str
    cameras: list[CameraView]
    identities: list[IdentityView]


class Cameras(Message):
    """How the cameras are doing, once a second."""

    type: Literal["cameras"] = "cameras"
    cameras: list[CameraView]


class News(Message):
    """What has changed: decisions in their order, and the identities as they are now."""

    type: Literal["news"] = "news"
    decisions: list[Decision]
    identities: list[IdentityView]


class Timing(Message):
    """How long something has taken lately, seconds.

    `what` is a stage, `redis`, or `to tracks`, `to decision`, … for the delay since a picture's
    arrival at its node.
    """

    what: str
    rate: float = Field(description="times per second")
    mean: float
    p95: float = Field(description="95 of 100 took no longer, as far as the buckets tell")


class ProcessView(Message):
    """A process that works on the site. Times are seconds since the epoch."""

    name: str
    role: str
    host: str
    pid: int
    started: float
    updated: float
    ready: bool
    note: str
    working: bool | None = Field(description="a matcher: true if it decides, false if it stands by")
    memory: float | None = Field(description="resident, bytes")
    cpu: float | None = Field(description="of one core, lately: 1.5 is one core and a half")
    threads: int | None
    cameras: tuple[str, ...] = Field(description="those a node runs")
    timings: tuple[Timing, ...]


class CameraHealth(Message):
    """What becomes of a camera's pictures."""

    name: str
    node: str
    received: float | None = Field(description="pictures per second, null while not known")
    analysed: float | None = Field(description="pictures per second, null while not known")
    drops: dict[str, float] = Field(description="pictures per second by reason")
    dropped: dict[str, int] = Field(description="pictures since the start by reason")
    delay: float = Field(description="seconds from a picture's arrival to its tracks")
    clock_offset: float | None = Field(description="seconds the camera's clock is ahead of ours")


class Happening(Message):
    """Something that happened to a process, by the viewer's clock."""

    time: float
    what: Literal["started", "restarted", "gone"]
    process: str


class WayOut(Message):
    """A webhook or an MQTT broker that is told what happens."""

    name: str = Field(description="`mqtt`, or `webhook:` and its name in cams.yaml")
    problem: str = Field(description="why it is not told at the moment, empty if it is")
    updated: float = Field(description="when this was noted, seconds since the epoch")


class Health(Message):
    """How the site's processes and cameras are doing, every two seconds."""

    type: Literal["processes"] = "processes"
    processes: list[ProcessView]
    cameras: list[CameraHealth]
    happenings: list[Happening] = Field(description="of late, newest first")
    outgoing: list[WayOut] = Field(description="whoever is told what happens, by name")


class Reloaded(Message):
    """The settings have been read anew."""

    changes: list[str] = Field(description="a sentence each; empty if nothing has changed")


class Trouble(Message):
    """Why nothing new can be shown at the moment; null: all is well again."""

    type: Literal["trouble"] = "trouble"
    sentence: str | None


class Pong(Message):
    """The answer to a ping; `server` is the server's clock, seconds since the epoch."""

    type: Literal["pong"] = "pong"
    sent: float
    server: float


class Ping(Message):
    """From the browser: what time is it? `sent` comes back as it is."""

    type: Literal["ping"]
    sent: float


class Shown(Message):
    """From the browser: one picture of each of these cameras has been shown, or was superseded."""

    type: Literal["shown"]
    cameras: list[str] = Field(max_length=1024)


class LookAt(Message):
    """How a browser shows a camera."""

    width: int = Field(ge=0, le=16384, description="device pixels; 0: boxes without the picture")
    fps: float = Field(30.0, gt=0, le=120, description="pictures per second, at most")
    video: bool = Field(
        False, description="true: it can decode H.264, and takes the camera's own video if it can"
    )


class LookRequest(Message):
    """From the browser: what it shows now; of cameras that are not named it wants nothing.

    As long as a browser has not said so, it is sent all cameras at a usual size.
    """

    type: Literal["look"]
    cameras: dict[str, LookAt] = Field(max_length=1024)


Request = Annotated[Ping | Shown | LookRequest, Field(discriminator="type")]
REQUEST: TypeAdapter[Ping | Shown | LookRequest] = TypeAdapter(Request)
