"""The Lua scripts of pipeline/lua: what must happen in Redis at once, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis import RedisCluster
from redis.exceptions import NoScriptError

_FOLDER = Path(__file__).parent / "lua"
_AT_ONCE = 16  # calls on one way: Redis hears nobody else meanwhile

Arguments = Sequence[str | bytes | float]


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

    def run(self, name: str, keys: Sequence[str], arguments: Arguments) -> Any:
        """What the script answers; what keys and arguments it takes stands at its beginning."""
        script = self._scripts[name]
        try:
            return self._redis.evalsha(script.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            # Of a cluster, this server alone gets the script: another one may be away.
            return self._redis.eval(script.script, len(keys), *keys, *arguments)

    def run_all(self, name: str, calls: Sequence[tuple[Sequence[str], Arguments]]) -> list[Any]:
        """The same, many times, one after the other.

        Args:
            name: of the script.
            calls: keys and arguments of each.

        Raises:
            redis.RedisError: the first of them that failed; those after it may have been run.
        """
        if isinstance(self._redis, RedisCluster):  # whose pipelines take no scripts
            return [self.run(name, *call) for call in calls]
        answers: list[Any] = []
        for first in range(0, len(calls), _AT_ONCE):
            answers += self._run_some(name, calls[first : first + _AT_ONCE])
        return answers

    def _run_some(self, name: str, calls: Sequence[tuple[Sequence[str], Arguments]]) -> list[Any]:
        sha = self._scripts[name].sha
        with self._redis.pipeline(transaction=False) as pipe:
            for keys, arguments in calls:
                pipe.evalsha(sha, len(keys), *keys, *arguments)
            answers = pipe.execute(raise_on_error=False)
        for place, (answer, call) in enumerate(zip(answers, calls, strict=True)):
            if isinstance(answer, NoScriptError):  # of all of them: Redis has just begun
                answers[place] = self.run(name, *call)
            elif isinstance(answer, Exception):
                raise answer
        return list(answers)
