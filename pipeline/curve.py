"""The curve from similarity to likelihood ratio, in a file of a site's own."""

from __future__ import annotations

from pathlib import Path

from pydantic import AwareDatetime, Field

from pipeline.config import Settings, Site
from pipeline.embed import network_id, read_calibration
from pipeline.errors import ConfigError
from pipeline.evidence import Calibration
from pipeline.settings_file import read_settings


class CurveFile(Settings):
    """What `python -m calibration.similarity` writes: llr = slope · similarity + offset."""

    network: str
    """The network whose embeddings were compared; see `pipeline.embed.network_id`."""
    slope: float = Field(gt=0)
    """Nats per unit of similarity."""
    offset: float
    """Log-likelihood ratio at similarity 0."""
    same: int = Field(default=0, ge=0)
    """Pairs of one person it was fitted to."""
    different: int = Field(default=0, ge=0)
    """Pairs of two people."""
    begin: AwareDatetime | None = None
    """From when on the people were seen."""
    end: AwareDatetime | None = None
    """Until when."""


def read_curve(path: Path, *, network: str) -> Calibration:
    """Reads a site's own curve.

    Args:
        path: the file.
        network: the network that is used: similarities of another one mean something else.

    Raises:
        ConfigError: one sentence per mistake, each naming file and key.
    """
    file = read_settings(path, CurveFile)
    if file.network != network:
        raise ConfigError(
            f"{path}: network: expected {network}, which is in use, found {file.network}"
        )
    return Calibration(slope=file.slope, offset=file.offset)


def site_calibration(site: Site, weights: Path) -> Calibration:
    """The site's own curve if it has one, else the network's.

    Args:
        site: the settings.
        weights: the network's graph A.
    """
    if site.matching.similarity is None:
        return read_calibration(weights)
    return read_curve(site.matching.similarity, network=network_id(weights))
