"""Section `viewer` of cams.yaml: where the live page listens, and who may see and do what."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from argon2 import Type, extract_parameters
from argon2.exceptions import InvalidHashError
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pipeline.setting_types import Duration, Name, Settings

LOCAL = ("127.0.0.1", "localhost", "::1")
"""Names by which no other machine reaches this one."""

Role = Literal["viewer", "operator"]
"""A viewer sees and searches; an operator corrects, forgets and reloads as well."""


def _password_hash(value: object) -> object:
    try:
        known = extract_parameters(str(value)).type is Type.ID
    except (InvalidHashError, ValueError):
        known = False
    if not known:
        raise ValueError("expected what `python -m pipeline.viewer.password` prints ($argon2id$…)")
    return value


def _address(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise ValueError("expected an IP address, or a network such as 10.0.0.0/24") from None


Address = Annotated[str, AfterValidator(_address)]


class UserSettings(Settings):
    """Somebody who may sign in."""

    password: Annotated[str, BeforeValidator(_password_hash)] = Field(repr=False)
    """What `python -m pipeline.viewer.password` makes of the password; never the password."""
    role: Role
    """`viewer`: sees and searches. `operator`: corrects, forgets and reloads as well."""


class TlsSettings(Settings):
    """The files that HTTPS takes. Both may be replaced while the viewer runs."""

    certificate: Path
    """PEM: the certificate, and after it those that vouch for it."""
    key: Path
    """PEM: its private key, without a passphrase."""


class SessionSettings(Settings):
    """How long somebody stays signed in."""

    idle: Duration = 12 * 3600.0
    """Without a request for so long they are signed out; an open page asks by itself."""
    longest: Duration = 7 * 86400.0
    """They are signed out after so long in any case."""


class ViewerSettings(Settings):
    """The live page."""

    host: str = "127.0.0.1"
    """Address to listen on; anything but this machine needs users or a token."""
    port: int = Field(default=8080, ge=0, le=65535)
    """Port to listen on; 0: any free one."""
    users: dict[Name, UserSettings] = Field(default_factory=dict)
    """Who may sign in, by name."""
    token: str | None = Field(default=None, min_length=16, repr=False)
    """Secret that makes whoever knows it an operator: for programs, or instead of users."""
    view_token: str | None = Field(default=None, min_length=16, repr=False)
    """Secret that makes whoever knows it a viewer."""
    session: SessionSettings = SessionSettings()
    """How long somebody stays signed in."""
    tls: TlsSettings | None = None
    """HTTPS by certificate files; None: HTTP."""
    passthrough: Literal["auto", "off"] = "auto"
    """Hand the cameras' own H.264 on to browsers that can decode it, where nothing has to be hidden
    or cut out of it; `off`: pictures (JPEG) are made for everybody."""
    proxies: tuple[Address, ...] = ()
    """Addresses of reverse proxies in front of the viewer, which are believed when they say where
    a request comes from. The site is then reached from elsewhere, so it needs users or a token."""

    @property
    def local(self) -> bool:
        """True if only this machine reaches the page."""
        return self.host in LOCAL and not self.proxies

    @property
    def guarded(self) -> bool:
        """True if people must say who they are."""
        return bool(self.users or self.token or self.view_token)

    @model_validator(mode="after")
    def _guarded_unless_local(self) -> ViewerSettings:
        if not self.local and not self.guarded:
            why = "a proxy passes other machines on" if self.host in LOCAL else f"host {self.host}"
            reached = "" if self.host in LOCAL else " can be reached from other machines"
            raise ValueError(
                f"expected users, or a token of at least 16 characters, since {why}{reached}, "
                "found none"
            )
        return self

    @model_validator(mode="after")
    def _two_tokens(self) -> ViewerSettings:
        if self.token is not None and self.token == self.view_token:
            raise ValueError("expected a view_token unlike token, found none")
        return self
