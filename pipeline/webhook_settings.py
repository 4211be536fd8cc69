"""Section `webhooks` of cams.yaml: who is told what happens, by HTTP."""

from __future__ import annotations

import os
from typing import Annotated

from pydantic import AfterValidator, Field

from pipeline.events import FAMILIES, KINDS
from pipeline.setting_types import Name, Settings

_ENVIRONMENT = "env:"


def _kind(value: str) -> str:
    if value not in (*FAMILIES, *KINDS):
        raise ValueError(f"expected one of {', '.join(FAMILIES)}, or a kind such as {KINDS[0]}")
    return value


def _secret(value: str) -> str:
    """The secret itself, or what an environment variable holds."""
    found = value
    if value.startswith(_ENVIRONMENT):
        found = os.environ.get(value.removeprefix(_ENVIRONMENT), "")
    if len(found) < 16:
        raise ValueError("expected 16 characters or more, or env:VARIABLE that holds so many")
    return found


class WebhookSettings(Settings):
    """An address that is told what happens."""

    url: str = Field(pattern=r"^https?://", repr=False)
    """Where events are sent to, by POST."""
    events: tuple[Annotated[str, AfterValidator(_kind)], ...] = ("decision",)
    """Kinds of events, or families (`decision`, `correction`, `camera`); see docs/api.md."""
    cameras: tuple[Name, ...] = ()
    """Only what happened there; none: everywhere."""
    secret: Annotated[str, AfterValidator(_secret)] | None = Field(default=None, repr=False)
    """What signatures are made with, at least 16 characters; `env:VARIABLE` takes it from there."""
