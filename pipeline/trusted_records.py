"""Records of tracklets that need not be read again for some seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable

from pipeline.data import TrackletRecord

_BELIEVED_SECONDS = 10.0  # at least, at most twice as long


class TrustedRecords:
    """Records of tracklets that the matcher in charge believes to be as they were.

    Nobody but itself writes records, except people who correct something, of which it hears before
    it decides. Whoever is not in charge believes nothing.

    Args:
        read: reads records from Redis; those of tracklets that are gone are left out.

    Attributes:
        in_charge: that what was read may be believed for some seconds.
    """

    def __init__(self, read: Callable[[Iterable[str]], dict[str, TrackletRecord]]) -> None:
        self.in_charge = False
        self._read = read
        self._young: dict[str, TrackletRecord] = {}
        self._old: dict[str, TrackletRecord] = {}
        self._turned = time.monotonic()

    def get(self, tracklets: Collection[str]) -> dict[str, TrackletRecord]:
        """The records of some tracklets, as far as there are any."""
        if not self.in_charge:
            return self._read(tracklets)
        now = time.monotonic()
        if now - self._turned > _BELIEVED_SECONDS:
            self._old, self._young, self._turned = self._young, {}, now
        young, old = self._young, self._old
        found = {n: r for n in tracklets if (r := young.get(n) or old.get(n)) is not None}
        missing = [name for name in tracklets if name not in found]
        if missing:
            read = self._read(missing)
            young |= read
            found |= read
        return found

    def drop(self, tracklets: Iterable[str]) -> None:
        """Reads these anew when they are asked for."""
        for name in tracklets:
            self._young.pop(name, None)
            self._old.pop(name, None)

    def clear(self) -> None:
        """Reads all of them anew."""
        self._young, self._old = {}, {}
