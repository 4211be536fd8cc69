"""Who was seen where: from an offline run's results, or from the Redis of a running site."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.data import IdentityRecord, TrackletRecord
from pipeline.errors import ConfigError


def read_results(folder: Path) -> list[IdentityRecord]:
    """The identities of an offline run.

    Args:
        folder: what was given as `--output`.

    Raises:
        ConfigError: it is not there, or not what this version writes.
    """
    with _blaming(folder / "identities.json"):
        return [_identity(each) for each in _document(folder)["identities"]]


def read_results_network(folder: Path) -> str:
    """The network whose embeddings an offline run has compared.

    Raises:
        ConfigError: as of `read_results`.
    """
    with _blaming(folder / "identities.json"):
        return str(_document(folder)["network"])


def read_looks(
    folder: Path, identities: Sequence[IdentityRecord]
) -> dict[str, npt.NDArray[np.float32]]:
    """The embeddings of an offline run, by tracklet.

    Args:
        folder: what was given as `--output`.
        identities: its identities.

    Raises:
        ConfigError: as of `read_results`.
    """
    path = folder / "embeddings.npy"
    with _blaming(path):
        looks = np.load(path)
        names = [t.tracklet for i in identities for t in i.tracklets]
        return dict(zip(names, looks, strict=True))


def _document(folder: Path) -> Any:
    return json.loads((folder / "identities.json").read_text(encoding="utf-8"))


@contextmanager
def _blaming(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise ConfigError(f"{path}: expected the results of --offline, found none") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        found = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise ConfigError(
            f"{path}: expected what this version's --offline writes, found {found}"
        ) from error


def _identity(listed: Mapping[str, Any]) -> IdentityRecord:
    number = int(listed["identity"])
    return IdentityRecord(number, tuple(_tracklet(number, each) for each in listed["tracklets"]))


def _tracklet(identity: int, listed: Mapping[str, Any]) -> TrackletRecord:
    return TrackletRecord(
        tracklet=listed["tracklet"],
        camera=listed["camera"],
        begin=datetime.fromisoformat(listed["begin"]).timestamp(),
        end=datetime.fromisoformat(listed["end"]).timestamp(),
        identity=identity,
        confidence=float(listed["confidence"]),
        closed=True,
        entered=_point(listed["entered"]),
        left=_point(listed["left"]),
    )


def _point(listed: Any) -> tuple[float, float]:
    x, y = listed
    return float(x), float(y)
