"""Hardware decoding: which device of this machine decodes video, if any does."""

from __future__ import annotations

import functools
import logging

import av.error
from av.codec import Codec
from av.codec.hwaccel import HWAccel

_DEVICES = ("cuda", "vaapi")
_TRIED_WITH = "h264"

logger = logging.getLogger(__name__)


@functools.cache
def decoding_device() -> str | None:
    """Name of the device that decodes, or None; tried once per process, and said in the log.

    That FFmpeg was built for a device does not mean that there is one: its driver is asked.
    """
    for device in _DEVICES:
        try:
            HWAccel(device).create(Codec(_TRIED_WITH, "r"))
        except (av.error.FFmpegError, NotImplementedError, ValueError):
            continue
        logger.info("video is decoded by %s where it can", device)
        return device
    logger.info("video is decoded in software: neither CUDA nor VAAPI is there for it")
    return None


def accelerator() -> HWAccel | None:
    """What `av.open` wants for decoding on the device; codecs it does not know go in software."""
    device = decoding_device()
    return None if device is None else HWAccel(device, allow_software_fallback=True)
