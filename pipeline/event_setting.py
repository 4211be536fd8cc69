"""Kinds of events in cams.yaml: what somebody outside is told of."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from pipeline.events import FAMILIES, KINDS


def _kind(value: str) -> str:
    if value not in (*FAMILIES, *KINDS):
        raise ValueError(f"expected one of {', '.join(FAMILIES)}, or a kind such as {KINDS[0]}")
    return value


EventKind = Annotated[str, AfterValidator(_kind)]
"""A kind of event, or a family of them."""
