"""Who may see the page, and what every answer says about how it may be used."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from viewer_parts import make_site, serving
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from pipeline.store import Store

TOKEN = "a-secret-of-some-length"


@pytest.fixture
def open_viewer(store: Store) -> Iterator[str]:
    with serving(store) as address:
        yield address


@pytest.fixture
def guarded_viewer(store: Store) -> Iterator[str]:
    with serving(store, make_site(token=TOKEN)) as address:
        yield address


def live(address: str) -> str:
    return address.replace("http://", "ws://") + "/live"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/metrics",
        "/static/main.js",
        "/api/v1/health",
        "/api/v1/cameras",
        "/api/v1/openapi.json",
        "/no",
    ],
)
def test_nothing_is_given_away_without_the_token(guarded_viewer, path):
    assert httpx.get(guarded_viewer + path).status_code == 401


def test_the_token_opens_the_page_once_and_leaves_a_cookie(guarded_viewer):
    with httpx.Client(base_url=guarded_viewer) as browser:
        welcome = browser.get("/", params={"token": TOKEN})
        cookie = welcome.headers["set-cookie"].lower()
        assert welcome.status_code == 200
        assert TOKEN not in welcome.text
        assert TOKEN not in cookie
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert browser.get("/").status_code == 200
        assert browser.get("/api/v1/cameras").status_code == 200


def test_a_program_may_bring_the_token_as_a_header(guarded_viewer):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert httpx.get(guarded_viewer + "/api/v1/cameras", headers=headers).status_code == 200


def test_a_wrong_token_is_told_so(guarded_viewer):
    answer = httpx.get(guarded_viewer + "/", params={"token": "not the secret"})
    assert answer.status_code == 401
    assert "not the token" in answer.text


def test_a_websocket_needs_the_token_too(guarded_viewer):
    with pytest.raises(InvalidStatus, match="401"):
        connect(live(guarded_viewer))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with connect(live(guarded_viewer), additional_headers=headers) as socket:
        assert '"snapshot"' in socket.recv(timeout=5)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_a_websocket_from_another_page_is_refused(open_viewer, origin):
    with pytest.raises(InvalidStatus, match="403"):
        connect(live(open_viewer), origin=origin)


def test_a_websocket_from_our_own_page_is_welcome(open_viewer):
    with connect(live(open_viewer), origin=open_viewer) as socket:
        assert '"snapshot"' in socket.recv(timeout=5)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", ""]
)
def test_another_name_that_points_here_is_refused(open_viewer, host):
    answer = httpx.get(open_viewer + "/api/v1/identities", headers={"Host": host})
    assert answer.status_code in (400, 421)


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:8080"])
def test_this_machine_may_be_called_by_any_of_its_names(open_viewer, host):
    assert httpx.get(open_viewer + "/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/api/v1/identities", "/nothing"])
def test_every_answer_carries_the_security_headers(open_viewer, path):
    headers = httpx.get(open_viewer + path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_what_shows_people_is_not_stored_by_the_browser(open_viewer):
    assert httpx.get(open_viewer + "/api/v1/identities").headers["cache-control"] == "no-store"
    assert httpx.get(open_viewer + "/static/main.js").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/static/../server.py", "/static/%2e%2e/server.py"])
def test_no_path_leads_out_of_the_static_files(open_viewer, path):
    assert httpx.get(open_viewer + path).status_code == 404
