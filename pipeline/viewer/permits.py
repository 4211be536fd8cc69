"""What each route asks of whoever uses it, and what of it goes into the audit log.

All of it stands here, so that one look tells who may do what. A route that is missing here is open
to operators alone, and fails a test.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import Scope

from pipeline.audit import Action
from pipeline.viewer.accounts import Visitor
from pipeline.viewer_settings import Role

PREFIX = "/api/v1"
"""Where the REST interface stands."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Who may use a route.

    Attributes:
        role: the least role; None: anybody, also without signing in.
        action: as what it goes into the audit log, None: it does not.
    """

    role: Role | None
    action: Action | None = None


_ANYBODY = Permit(None)
_SEE = Permit("viewer")
_EXPORT = Permit("viewer", Action.EXPORT)

PERMITS: dict[tuple[str, str], Permit] = {
    ("GET", "/"): _SEE,
    ("GET", "/favicon.ico"): _SEE,
    ("GET", "/healthz"): _ANYBODY,
    ("GET", "/readyz"): _ANYBODY,
    ("GET", "/metrics"): _SEE,
    ("GET", "/sign-in"): _ANYBODY,
    ("GET", "/sign-in.js"): _ANYBODY,
    ("POST", "/sign-in"): _ANYBODY,
    ("POST", "/sign-out"): _SEE,
    ("WEBSOCKET", "/live"): _SEE,
    ("GET", "/api/v1/me"): _SEE,
    ("GET", "/api/v1/cameras"): _SEE,
    ("GET", "/api/v1/identities"): _SEE,
    ("GET", "/api/v1/identities/{number}"): _SEE,
    ("GET", "/api/v1/identities/{number}/transits"): _SEE,
    ("GET", "/api/v1/tracklets"): _SEE,
    ("GET", "/api/v1/tracklets/{tracklet}"): _SEE,
    ("GET", "/api/v1/tracklets/{tracklet}/attention"): _SEE,
    ("GET", "/api/v1/crops/{tracklet}.jpg"): _SEE,
    ("GET", "/api/v1/decisions"): _SEE,
    ("GET", "/api/v1/events"): _SEE,
    ("POST", "/api/v1/search"): Permit("viewer", Action.SEARCH),
    ("GET", "/api/v1/corrections"): _SEE,
    ("POST", "/api/v1/corrections"): Permit("operator", Action.CORRECTION),
    ("GET", "/api/v1/statistics"): _SEE,
    ("GET", "/api/v1/graph"): _SEE,
    ("GET", "/api/v1/plan"): _SEE,
    ("GET", "/api/v1/areas"): _SEE,
    ("GET", "/api/v1/export/identities.csv"): _EXPORT,
    ("GET", "/api/v1/export/identities.json"): _EXPORT,
    ("GET", "/api/v1/export/tracklets.csv"): _EXPORT,
    ("GET", "/api/v1/export/tracklets.json"): _EXPORT,
    ("GET", "/api/v1/export/statistics.csv"): _EXPORT,
    ("GET", "/api/v1/export/statistics.json"): _EXPORT,
    ("GET", "/api/v1/health"): _SEE,
    ("POST", "/api/v1/reload"): Permit("operator", Action.RELOAD),
    ("GET", "/api/v1/audit"): Permit("operator"),
}

_UNDECLARED = Permit("operator")


def route_of(scope: Scope) -> str:
    """The path of the route that answers, with its parameters' names; "" if there is none."""
    path = str(getattr(scope.get("route"), "path", ""))
    # FastAPI's routes do not know the prefix their router was included with.
    bare = path and scope["path"].startswith(f"{PREFIX}/") and not path.startswith(PREFIX)
    return PREFIX + path if bare else path


def permit_of(method: str, path: str) -> Permit:
    """What a route asks; see `route_of`."""
    return PERMITS.get(("GET" if method == "HEAD" else method, path), _UNDECLARED)


async def permitted(connection: HTTPConnection) -> None:
    """For `dependencies=` of the application: refuses whoever may not use the route.

    Raises:
        HTTPException: 403, and who may.
    """
    method = connection.scope.get("method", "WEBSOCKET")
    role = permit_of(method, route_of(connection.scope)).role
    visitor: Visitor | None = connection.scope.get("visitor")
    if role is None or (visitor is not None and visitor.role in (role, "operator")):
        return
    raise HTTPException(403, "expected an operator, found a viewer: an operator may do this")
