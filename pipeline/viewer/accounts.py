"""Accounts: who somebody is by their password or token, and what they may do."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

from pipeline.viewer.source import SiteSource
from pipeline.viewer_settings import Role

TOKEN = "viewer.token"
VIEW_TOKEN = "viewer.view_token"
"""Whoever brings a token is called after it; no user can be, since names hold no dot."""

_HASHER = PasswordHasher()


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody the viewer talks to.

    Attributes:
        name: of the user, or of the token they brought; "" where nobody is asked who they are.
        role: what they may do.
        session: id of the session they are signed in with, "" for those who bring a token along.
    """

    name: str
    role: Role
    session: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """A user or a token of cams.yaml.

    Attributes:
        name: see `Visitor`.
        role: what it allows.
        secret: the hash of the password, or the token.
    """

    name: str
    role: Role
    secret: str

    @property
    def credential(self) -> str:
        """What a session rests on: another password or role is another credential."""
        return f"{self.role} {self.secret}"


class Accounts:
    """The users and tokens of cams.yaml, as they are now.

    Args:
        site: cams.yaml.
    """

    def __init__(self, site: SiteSource) -> None:
        self._site = site

    @property
    def needed(self) -> bool:
        """True if people must say who they are."""
        return self._site.site.viewer.guarded

    @property
    def known(self) -> dict[str, Account]:
        """All of them by name."""
        settings = self._site.site.viewer
        users = [Account(n, user.role, user.password) for n, user in settings.users.items()]
        tokens: list[tuple[str, Role, str | None]] = [
            (TOKEN, "operator", settings.token),
            (VIEW_TOKEN, "viewer", settings.view_token),
        ]
        given = [Account(name, role, secret) for name, role, secret in tokens if secret is not None]
        return {account.name: account for account in [*users, *given]}

    def by_token(self, token: str) -> Account | None:
        """Whose token this is."""
        known = self.known
        found = None
        for name in (TOKEN, VIEW_TOKEN):
            account = known.get(name)
            if account is not None and _same(token, account.secret):
                found = account
        return found

    def by_password(self, name: str, password: str) -> Account | None:
        """The user, if it is their password.

        Takes as long for somebody unknown, so that nobody learns who is known: some 50 ms.
        """
        account = None if name in (TOKEN, VIEW_TOKEN) else self.known.get(name)
        secret = account.secret if account else self._nobodys()
        try:
            _HASHER.verify(secret, password)
        except (VerificationError, InvalidHashError, UnicodeError):
            return None
        return account

    def _nobodys(self) -> str:
        """A hash that no password has, as costly to try as those of users are."""
        users = self._site.site.viewer.users.values()
        example = next((user.password for user in users), None)
        found = extract_parameters(example) if example else _HASHER
        cost = f"m={found.memory_cost},t={found.time_cost},p={found.parallelism}"
        salt, digest = _zeros(16), _zeros(32)
        return f"$argon2id$v=19${cost}${salt}${digest}"


def hash_password(password: str) -> str:
    """What cams.yaml keeps of a password."""
    return _HASHER.hash(password)


def _same(found: str, expected: str) -> bool:
    one, other = (hashlib.sha256(s.encode("utf-8", "replace")).digest() for s in (found, expected))
    return hmac.compare_digest(one, other)


def _zeros(length: int) -> str:
    return base64.b64encode(bytes(length)).decode().rstrip("=")
