"""Makes of a password what cams.yaml keeps of it.

python -m pipeline.viewer.password

It asks twice, and prints the value for `viewer.users.<name>.password`. The password itself is shown
and kept nowhere.
"""

from __future__ import annotations

import getpass
import sys

from pipeline.viewer.accounts import hash_password

_SHORTEST = 10
_BAD_INPUT = 2


def main() -> int:
    """Asks for the password; gives the exit code."""
    try:
        password = getpass.getpass("Password: ")
        if len(password) < _SHORTEST:
            return _complain(f"expected {_SHORTEST} characters or more")
        if getpass.getpass("The same again: ") != password:
            return _complain("expected the same password twice, found two")
    except (EOFError, KeyboardInterrupt):
        return _complain("expected a password, found none")
    print(hash_password(password))
    return 0


def _complain(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return _BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
