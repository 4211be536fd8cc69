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
    first_seen: float
    last_seen: float
    cameras: tuple[str, ...] = Field(description="in the order in which they first saw the person")
    tracklets: tuple[TrackletRecord, ...] = Field(description="in order of time")

    @classmethod
    def of(cls, record: IdentityRecord) -> IdentityView:
        """The view of a record."""
        return cls(
            identity=record.identity,
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


Request = Annotated[Ping | Shown, Field(discriminator="type")]
REQUEST: TypeAdapter[Ping | Shown] = TypeAdapter(Request)
