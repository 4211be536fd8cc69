"""Section `mqtt` of cams.yaml: a broker that is told what happens, and how things stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import AfterValidator, Field, model_validator

from pipeline.event_setting import EventKind
from pipeline.events import FAMILIES
from pipeline.secret_setting import Secret
from pipeline.setting_types import Settings

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_LEVELS = re.compile(r"[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,7}")


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        whole = parts.scheme in _PORTS and parts.hostname and parts.port != 0
    except ValueError:
        whole = False
    if not whole or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(
            "expected mqtt://HOST:PORT, or mqtts://… for TLS, with USER:PASSWORD@ before the host "
            "if need be (/, #, ? and % of a password as %2F, %23, %3F and %25)"
        )
    return value


def _levels(value: str) -> str:
    if not _LEVELS.fullmatch(value):
        raise ValueError("expected letters, digits, - and _, in up to eight levels separated by /")
    return value


Levels = Annotated[str, AfterValidator(_levels)]


class MqttSettings(Settings):
    """A broker that is told what happens, and how things stand."""

    url: Annotated[str, AfterValidator(_url)] = Field(repr=False)
    """`mqtt://[user[:password]@]host[:port]`, or `mqtts://…` for TLS."""
    password: Secret | None = Field(default=None, repr=False)
    """In place of the one in `url`: itself, `env:VARIABLE` or `file:PATH`."""
    ca_file: Path | None = None
    """Certificate authority of a broker that no system authority vouches for; with `mqtts://`."""
    topic: Levels = "handoff"
    """What topics begin with; the name of the site comes after it."""
    discovery: Levels | None = None
    """What Home Assistant's discovery topics begin with, as a rule `homeassistant`; None: nothing
    is announced to it."""
    events: tuple[EventKind, ...] = FAMILIES
    """Kinds of events, or families (`decision`, `correction`, `camera`); `[]`: none, only how
    things stand."""

    @property
    def host(self) -> str:
        """Where the broker is."""
        return self._parts.hostname or ""

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._parts.port or _PORTS[self._parts.scheme]

    @property
    def tls(self) -> bool:
        """True if the connection is encrypted."""
        return self._parts.scheme == "mqtts"

    @property
    def user(self) -> str | None:
        """Who we are to the broker, None: nobody in particular."""
        return unquote(self._parts.username) if self._parts.username else None

    @property
    def secret(self) -> str | None:
        """The password, wherever it stands."""
        written = self._parts.password
        return self.password or (unquote(written) if written else None)

    @property
    def shown(self) -> str:
        """The broker's address as anybody may read it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self._parts.scheme}://{host}:{self.port}"

    def same_place(self, other: MqttSettings | None) -> bool:
        """True if the same topics at the same broker are meant."""
        if other is None or (self.host, self.port) != (other.host, other.port):
            return False
        return (self.topic, self.discovery) == (other.topic, other.discovery)

    @property
    def _parts(self) -> SplitResult:
        return urlsplit(self.url)

    @model_validator(mode="after")
    def _one_password(self) -> MqttSettings:
        if self.password and self._parts.password:
            raise ValueError("expected a password in `url` or in `password`, not in both")
        if self.secret and not self.user:
            raise ValueError("expected a user before the host in `url` with the password")
        return self

    @model_validator(mode="after")
    def _authority_of_tls(self) -> MqttSettings:
        if self.ca_file and not self.tls:
            raise ValueError("expected mqtts://… in `url` with a `ca_file`")
        return self
