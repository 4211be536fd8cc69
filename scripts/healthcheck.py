"""Asks the process of this container how it is doing; ends with 0 if all is well.

For Docker's HEALTHCHECK: the image has neither curl nor wget. A process that was given no health
port cannot be asked and counts as well.
"""

from __future__ import annotations

import os
import sys
from http.client import HTTPConnection, HTTPException

_SECONDS = 4.0


def main() -> int:
    """Returns the exit status."""
    port = os.environ.get("HANDOFF_HEALTH_PORT")
    if not port:
        return 0
    try:
        status, said = ask(int(port))
    except (OSError, HTTPException) as error:
        status, said = 0, f"{type(error).__name__}: {error}"
    print(said)
    return 0 if status == 200 else 1


def ask(port: int) -> tuple[int, str]:
    """Status and text of `/healthz` on this machine."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace").strip()
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
