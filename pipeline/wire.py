"""How the types of `pipeline.data` are written down for Redis, and read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from pipeline.constraints import CorrectionKind, Statement
from pipeline.data import (
    CameraState,
    CameraStatus,
    Clock,
    Decision,
    DecisionKind,
    Evidence,
    ProcessRecord,
    Sighting,
    TrackletRecord,
)

Fields = Mapping[bytes, bytes]
_PAIRS = ("entered", "left", "entering", "leaving")


def pack_sighting(sighting: Sighting) -> dict[str, bytes]:
    """A sighting as fields of a stream entry."""
    meta = {
        "tracklet": sighting.tracklet,
        "camera": sighting.camera,
        "begin": sighting.begin,
        "end": sighting.end,
        "crops": sighting.crops,
        "quality": sighting.quality,
        "closed": sighting.closed,
        "entered": sighting.entered,
        "left": sighting.left,
        "arrival": sighting.arrival,
        "network": sighting.network,
        "entering": sighting.entering,
        "leaving": sighting.leaving,
        "parted_from": sighting.parted_from,
    }
    fields = {"meta": _json(meta), "embedding": sighting.embedding.astype("<f4").tobytes()}
    if sighting.thumbnail is not None:
        fields["thumbnail"] = sighting.thumbnail
    return fields


def unpack_sighting(fields: Fields) -> Sighting:
    """The reverse of `pack_sighting`."""
    meta: dict[str, Any] = json.loads(fields[b"meta"])
    meta |= _pairs(meta)
    embedding = np.frombuffer(fields[b"embedding"], dtype="<f4").astype(np.float32)
    return Sighting(**meta, embedding=embedding, thumbnail=fields.get(b"thumbnail"))


def pack_decision(decision: Decision) -> bytes:
    """A decision as JSON."""
    return _json(asdict(decision))


def unpack_decision(text: bytes) -> Decision:
    """The reverse of `pack_decision`."""
    meta: dict[str, Any] = json.loads(text)
    meta |= {"kind": DecisionKind(meta["kind"]), "evidence": Evidence(**meta["evidence"])}
    return Decision(**meta)


def pack_record(record: TrackletRecord) -> bytes:
    """A tracklet's record as JSON."""
    return _json(asdict(record))


def tracklet_of(text: bytes) -> bytes:
    """Whose record it is, without reading all of it: its id stands first."""
    begin = len(b'{"tracklet":"')
    return text[begin : text.index(b'"', begin)]


def unpack_record(text: bytes) -> TrackletRecord:
    """The reverse of `pack_record`."""
    meta: dict[str, Any] = json.loads(text)
    meta |= _pairs(meta)
    if evidence := meta.get("evidence"):
        meta["evidence"] = Evidence(**evidence)
    return TrackletRecord(**meta)


def _pairs(meta: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Points and velocities, which JSON keeps as lists."""
    return {name: tuple(meta[name]) for name in _PAIRS if name in meta}


def pack_statement(statement: Statement) -> bytes:
    """What a correction says, as JSON; its id is the key it is kept under."""
    meta = asdict(statement)
    del meta["id"]
    return _json(meta)


def unpack_statement(key: bytes, text: bytes) -> Statement:
    """The reverse of `pack_statement`."""
    meta: dict[str, Any] = json.loads(text)
    meta |= {"kind": CorrectionKind(meta["kind"]), "names": tuple(meta["names"])}
    meta |= {side: tuple(meta[side]) for side in ("kept", "moved")}
    return Statement(key.decode(), **meta)


def pack_status(status: CameraStatus) -> bytes:
    """A camera's status as JSON."""
    return _json(asdict(status))


def unpack_status(text: bytes) -> CameraStatus:
    """The reverse of `pack_status`."""
    meta: dict[str, Any] = json.loads(text)
    meta |= {"state": CameraState(meta["state"]), "size": tuple(meta["size"])}
    meta["clock"] = Clock(meta["clock"]) if meta["clock"] else None
    meta["sent"] = tuple(meta.get("sent", ()))
    return CameraStatus(**meta)


def pack_process(record: ProcessRecord) -> bytes:
    """A process's record as JSON, without its metrics, which are long and seldom asked for."""
    meta = asdict(record)
    del meta["metrics"]
    return _json(meta)


def unpack_process(text: bytes) -> ProcessRecord:
    """The reverse of `pack_process`."""
    meta: dict[str, Any] = json.loads(text)
    meta["allowed"] = None if meta["allowed"] is None else tuple(meta["allowed"])
    return ProcessRecord(**meta)


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
