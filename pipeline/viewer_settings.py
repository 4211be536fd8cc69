"""Section `viewer` of cams.yaml: where the live page listens, and who may see it."""

from __future__ import annotations

from pydantic import Field, model_validator

from pipeline.setting_types import Settings


class ViewerSettings(Settings):
    """The live page."""

    host: str = "127.0.0.1"
    """Address to listen on; anything but this machine needs a token."""
    port: int = Field(default=8080, ge=0, le=65535)
    """Port to listen on; 0: any free one."""
    token: str | None = Field(default=None, min_length=16)
    """Secret a browser must bring (`?token=…` once)."""

    @model_validator(mode="after")
    def _token_unless_local(self) -> ViewerSettings:
        if self.host not in ("127.0.0.1", "localhost", "::1") and self.token is None:
            raise ValueError(
                f"expected a token of at least 16 characters, since host {self.host} can be "
                "reached from other machines, found none"
            )
        return self
