"""Puts the looks of tracklets that have ended into the vector set, while others are decided on.

To find a look's neighbours takes Redis milliseconds. In a script nobody else is served meanwhile;
as a command of its own it runs in one of Redis' threads. Until it is done the look lies in
`{site}:gallery:ending`, and is compared one by one. What a matcher that died has left there, the
next one takes up. Whoever is erased meanwhile stays there without a look: `inserted.lua` takes out
again what may have come into the vector set afterwards.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.scripts import Scripts

_MOST = 256  # under way; more are waited for

Vector = NDArray[np.float32]


class _Begun(NamedTuple):
    tracklet: str
    look: Vector
    done: Future[None]


class Insertions:
    """Inserts looks one after the other. To be used from one thread.

    Args:
        client: a connected client that returns bytes.
        scripts: its scripts.
        keys: the vector set, `gallery:ending`, `gallery:ends`, `gallery:changes`, `gallery:open`.
    """

    def __init__(self, client: Any, scripts: Scripts, keys: Sequence[str]) -> None:
        self._redis = client
        self._scripts = scripts
        self._keys = list(keys)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="insert")
        self._begun: deque[_Begun] = deque()

    def begin(self, tracklet: str, look: Vector) -> None:
        """Begins to insert a look that lies in `gallery:ending`."""
        self._begun.append(_Begun(tracklet, look, self._thread.submit(self._add, tracklet, look)))

    def resume(self) -> None:
        """Begins anew with all that lies in `gallery:ending`: whoever left it there is gone."""
        self._give_up()
        for name, look in self._redis.hgetall(self._keys[1]).items():
            if look:
                self.begin(name.decode(), np.frombuffer(look, dtype="<f4"))
            else:
                self._scripts.run("inserted", self._keys, [name])

    def under_way(self, tracklets: Collection[str]) -> bool:
        """True if one of these is being inserted."""
        return any(begun.tracklet in tracklets for begun in self._begun)

    def take(self, *, all_of_it: bool = False) -> tuple[dict[str, Vector], list[str], int]:
        """What has been done since it was asked last.

        Args:
            all_of_it: wait for what is under way.

        Returns:
            the looks that are in the vector set from now on, the tracklets that need not be
            compared one by one any more, and the counter `gallery:changes` after it, or 0.

        Raises:
            redis.RedisError: something could not be inserted: `resume` begins anew.
        """
        done: dict[str, Vector] = {}
        try:
            while self._begun and (
                all_of_it or len(self._begun) > _MOST or self._begun[0].done.done()
            ):
                begun = self._begun.popleft()
                begun.done.result()
                done[begun.tracklet] = begun.look
        except Exception:
            self._give_up()
            raise
        for begun in self._begun:  # it went on, and has ended again
            done.pop(begun.tracklet, None)
        if not done:
            return {}, [], 0
        changes, *states = self._scripts.run("inserted", self._keys, list(done))
        there = {name: done[name] for name, state in zip(done, states, strict=True) if state == 1}
        left = [name for name, state in zip(done, states, strict=True) if state >= 0]
        return there, left, int(changes)

    def close(self) -> None:
        """Ends the thread; what was not begun stays in `gallery:ending`."""
        self._thread.shutdown(cancel_futures=True)

    def _give_up(self) -> None:
        for begun in self._begun:
            begun.done.cancel()
        wait([begun.done for begun in self._begun])  # for the one that cannot be
        self._begun.clear()

    def _add(self, tracklet: str, look: Vector) -> None:
        values = look.astype("<f4").tobytes()
        self._redis.execute_command("VADD", self._keys[0], "FP32", values, tracklet, "CAS")
