"""The Lua scripts of pipeline/lua: what must happen in Redis at once, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.exceptions import NoScriptError

_FOLDER = Path(__file__).parent / "lua"


class Scripts:
    """Runs the scripts by name; Redis keeps them, so that only a digest travels.

    All keys of a call carry the same hash tag, so the scripts run on a cluster, too.

    Args:
        client: a connected client.
    """

    def __init__(self, client: Any) -> None:
        self._redis = client
        self._scripts: dict[str, Any] = {
            path.stem: client.register_script(path.read_text(encoding="utf-8"))
            for path in sorted(_FOLDER.glob("*.lua"))
        }

    def run(self, name: str, keys: Sequence[str], arguments: Sequence[str | bytes | float]) -> Any:
        """What the script answers; what keys and arguments it takes stands at its beginning."""
        script = self._scripts[name]
        try:
            return self._redis.evalsha(script.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            # Of a cluster, this server alone gets the script: another one may be away.
            return self._redis.eval(script.script, len(keys), *keys, *arguments)
