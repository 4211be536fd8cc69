"""Section `webhooks` of cams.yaml: who is told what happens, by HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from pipeline.event_setting import EventKind
from pipeline.secret_setting import Secret
from pipeline.setting_types import Name, Settings


def _long(value: str) -> str:
    if len(value) < 16:
        raise ValueError(
            "expected 16 characters or more, or env:VARIABLE or file:PATH that holds so many"
        )
    return value


class WebhookSettings(Settings):
    """An address that is told what happens."""

    url: str = Field(pattern=r"^https?://", repr=False)
    """Where events are sent to, by POST."""
    events: tuple[EventKind, ...] = ("decision",)
    """Kinds of events, or families (`decision`, `correction`, `camera`); see docs/api.md."""
    cameras: tuple[Name, ...] = ()
    """Only what happened there; none: everywhere."""
    secret: Annotated[Secret, AfterValidator(_long)] | None = Field(default=None, repr=False)
    """What signatures are made with, at least 16 characters; or `env:VARIABLE`, `file:PATH`."""
