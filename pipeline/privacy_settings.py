"""`privacy` in cams.yaml: what of people is to be made out in pictures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, model_validator

from pipeline.setting_types import Settings


class PrivacySettings(Settings):
    """What of people is to be made out in pictures. `privacy: faces` is short for `people`."""

    people: Literal["none", "faces", "persons"] = "none"
    """What is pixelated in every picture that leaves the server, and in results: nothing, the
    head of everybody, or all of everybody."""
    at_rest: bool = False
    """Pixelate the pictures kept in Redis as well. Drawings of what the network looked at then
    show only what is left; embeddings are made before, so that matching stays as good."""

    @model_validator(mode="after")
    def _something_to_keep(self) -> PrivacySettings:
        if self.at_rest and self.people == "none":
            raise ValueError("expected people: faces or persons with at_rest: true, found none")
        return self


def _people_alone(value: object) -> object:
    return {"people": value} if isinstance(value, str) else value


Privacy = Annotated[PrivacySettings, BeforeValidator(_people_alone)]
"""The section, or its `people` alone."""
