"""How the types of `pipeline.data` are written down for Redis, and read back.

Whatever cannot be read raises ValueError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import msgspec
import numpy as np

from pipeline.constraints import Statement
from pipeline.data import CameraStatus, Decision, ProcessRecord, Sighting, TrackletRecord

Fields = Mapping[bytes, bytes]

_APART = ("embedding", "thumbnail")  # of a sighting: not in its JSON
_META = tuple(field.name for field in fields(Sighting) if field.name not in _APART)
_PAIRS = ("entered", "left", "entering", "leaving")

# NumPy's numbers are written like Python's.
_encode = msgspec.json.Encoder(enc_hook=float).encode
_decode = msgspec.json.Decoder().decode
_decode_record = msgspec.json.Decoder(TrackletRecord).decode
_decode_decision = msgspec.json.Decoder(Decision).decode
_decode_status = msgspec.json.Decoder(CameraStatus).decode
_decode_process = msgspec.json.Decoder(ProcessRecord).decode


def pack_sighting(sighting: Sighting) -> dict[str, bytes]:
    """A sighting as fields of a stream entry."""
    meta = {name: getattr(sighting, name) for name in _META}
    packed = {"meta": _encode(meta), "embedding": sighting.embedding.astype("<f4").tobytes()}
    if sighting.thumbnail is not None:
        packed["thumbnail"] = sighting.thumbnail
    return packed


def unpack_sighting(fields: Fields) -> Sighting:
    """The reverse of `pack_sighting`."""
    meta: dict[str, Any] = _decode(fields[b"meta"])
    meta |= {name: tuple(meta[name]) for name in _PAIRS if name in meta}
    embedding = np.frombuffer(fields[b"embedding"], dtype="<f4").astype(np.float32)
    return Sighting(**meta, embedding=embedding, thumbnail=fields.get(b"thumbnail"))


def pack_decision(decision: Decision) -> bytes:
    """A decision as JSON."""
    return _encode(decision)


def unpack_decision(text: bytes) -> Decision:
    """The reverse of `pack_decision`."""
    return _decode_decision(text)


def pack_record(record: TrackletRecord) -> bytes:
    """A tracklet's record as JSON."""
    return _encode(record)


def unpack_record(text: bytes) -> TrackletRecord:
    """The reverse of `pack_record`."""
    return _decode_record(text)


def pack_statement(statement: Statement) -> bytes:
    """What a correction says, as JSON; its id is the key it is kept under."""
    return _encode(replace(statement, id=""))


def unpack_statement(key: bytes, text: bytes) -> Statement:
    """The reverse of `pack_statement`."""
    meta: dict[str, Any] = _decode(text)
    return msgspec.convert(meta | {"id": key.decode()}, Statement)


def pack_status(status: CameraStatus) -> bytes:
    """A camera's status as JSON."""
    return _encode(status)


def unpack_status(text: bytes) -> CameraStatus:
    """The reverse of `pack_status`."""
    return _decode_status(text)


def pack_process(record: ProcessRecord) -> bytes:
    """A process's record as JSON, without its metrics, which are long and seldom asked for."""
    return _encode(replace(record, metrics=b""))


def unpack_process(text: bytes) -> ProcessRecord:
    """The reverse of `pack_process`."""
    return _decode_process(text)
