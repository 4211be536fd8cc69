"""What is kept of somebody who comes again and again is kept no longer than of anybody else."""

from __future__ import annotations

import time

from people import sighting

from pipeline.config import RetentionSettings
from pipeline.data import Decision, DecisionKind
from pipeline.embedded import EmbeddedRedis
from pipeline.store import Store


def test_old_tracklets_of_somebody_still_seen_expire(redis_server: EmbeddedRedis) -> None:
    retention = RetentionSettings(identities="1s", crops="1s")  # type: ignore[arg-type]
    store = Store.connect(redis_server.url, site="coming-again", retention=retention)
    for name in ("w1", "w2"):
        decision = Decision(name, "west", 1, DecisionKind.MATCHED, 0.9)
        store.record(sighting(name), decision, previous=None)
        time.sleep(0.7)
    person = store.identity(1)
    store.close()
    assert person is not None
    assert [record.tracklet for record in person.tracklets] == ["w2"]
