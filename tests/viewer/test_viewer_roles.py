"""Who may do what: users with passwords and roles, sessions, throttled tries, the audit log."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import pytest
from api_parts import walk_by
from playwright.sync_api import Page, expect
from starlette.routing import WebSocketRoute
from viewer_parts import make_site, serving
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from pipeline.audit import Action
from pipeline.config import Site
from pipeline.metrics import Metrics
from pipeline.store import Store
from pipeline.viewer.accounts import hash_password
from pipeline.viewer.app import create_app
from pipeline.viewer.permits import PERMITS
from pipeline.viewer.source import FixedSite

ANN, BOB = "correct horse battery", "staple of the till"
CANARIES = (ANN, BOB, "operator-token-0123456789", "view-token-0123456789012")
HASHES = {"ann": hash_password(ANN), "bob": hash_password(BOB)}


def guarded(**more: object) -> Site:
    users = {
        "ann": {"password": HASHES["ann"], "role": "operator"},
        "bob": {"password": HASHES["bob"], "role": "viewer"},
    }
    return make_site(users=users, token=CANARIES[2], view_token=CANARIES[3], **more)


@pytest.fixture
def address(store: Store) -> Iterator[str]:
    walk_by(store, "west-1", 1)
    walk_by(store, "east-1", 2)
    with serving(store, guarded()) as address:
        yield address


def sign_in(address: str, name: str, password: str) -> httpx.Client:
    client = httpx.Client(base_url=address, headers={"Origin": address})
    answer = client.post("/sign-in", data={"user": name, "password": password})
    assert answer.status_code == 200
    return client


def bearer(address: str, token: str) -> httpx.Client:
    return httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"})


# ── roles ───────────────────────────────────────────────────────────────────────────────────


def test_every_route_says_who_may_use_it(store: Store) -> None:
    app = create_app(FixedSite(make_site()), store, metrics=Metrics("viewer"))
    found = set(_keys(app.routes))
    assert {("POST", "/sign-in"), ("GET", "/api/v1/me"), ("WEBSOCKET", "/live")} <= found
    assert found - PERMITS.keys() == set()
    described = app.openapi()["paths"]
    named = {(method.upper(), path) for path, methods in described.items() for method in methods}
    assert named - PERMITS.keys() == set()
    assert len(named) > 20


def _keys(routes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Method and path of all routes, also of those that are described nowhere."""
    for route in routes:
        if hasattr(route, "effective_route_contexts"):  # a router that was included
            yield from _keys(route.effective_route_contexts())
        elif hasattr(route, "methods"):
            own = route.path.endswith("openapi.json")
            yield from ((m, route.path) for m in route.methods or () if m != "HEAD" and not own)
        elif isinstance(route, WebSocketRoute):
            yield "WEBSOCKET", route.path


RENAME = {"kind": "rename", "identity": 1, "name": "Cy"}


def test_a_viewer_sees_and_an_operator_corrects(store: Store, address: str) -> None:
    bob = sign_in(address, "bob", BOB)
    me = {"name": "bob", "role": "viewer", "signed_in": True}
    assert bob.get("/api/v1/me").json() == me
    assert len(bob.get("/api/v1/identities").json()["items"]) == 2
    assert bob.post("/api/v1/search", json={"tracklet": "nobody"}).status_code != 403
    refused = bob.post("/api/v1/corrections", json=RENAME)
    assert (refused.status_code, refused.json()["detail"][:20]) == (403, "expected an operator")
    assert bob.post("/api/v1/reload").status_code == 403
    assert bob.get("/api/v1/audit").status_code == 403
    ann = sign_in(address, "ann", ANN)
    assert ann.post("/api/v1/corrections", json=RENAME).status_code == 200
    assert store.corrections.history()[0].by == "ann"
    assert ann.get("/api/v1/audit").status_code == 200


def test_tokens_have_roles_too(address: str) -> None:
    assert bearer(address, CANARIES[2]).post("/api/v1/corrections", json=RENAME).status_code == 200
    viewing = bearer(address, CANARIES[3])
    assert viewing.get("/api/v1/cameras").status_code == 200
    assert viewing.post("/api/v1/corrections", json=RENAME).status_code == 403
    assert bearer(address, "something else").get("/api/v1/cameras").status_code == 401
    assert httpx.get(f"{address}/api/v1/cameras").status_code == 401


# ── signing in and out ──────────────────────────────────────────────────────────────────────


def test_a_session_ends_when_they_sign_out(address: str) -> None:
    ann = sign_in(address, "ann", ANN)
    (cookie,) = ann.cookies.jar
    ann.post("/sign-out")
    late = httpx.Client(base_url=address, cookies={cookie.name: cookie.value or ""})
    assert late.get("/api/v1/cameras").status_code == 401


def test_a_session_ends_when_nobody_uses_it(store: Store) -> None:
    with serving(store, guarded(session={"idle": 1, "longest": 60})) as address:
        ann = sign_in(address, "ann", ANN)
        assert ann.get("/api/v1/me").status_code == 200
        time.sleep(2.1)
        assert ann.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize(
    "users",
    [
        pytest.param({"bob": {"password": HASHES["bob"], "role": "viewer"}}, id="gone"),
        pytest.param({"ann": {"password": HASHES["bob"], "role": "operator"}}, id="password"),
        pytest.param({"ann": {"password": HASHES["ann"], "role": "viewer"}}, id="role"),
    ],
)
def test_a_session_ends_when_cams_yaml_says_otherwise(store: Store, users: object) -> None:
    source = FixedSite(guarded())
    with serving(store, source) as address:
        ann = sign_in(address, "ann", ANN)
        live = connect(f"ws{address[4:]}/live", additional_headers=_cookies(ann, address))
        source.site = make_site(users=users)
        assert ann.get("/api/v1/me").status_code == 401
        with pytest.raises(ConnectionClosed):  # and what is open ends soon
            _listen(live)


def test_a_stream_of_events_ends_with_its_session(address: str) -> None:
    ann = sign_in(address, "ann", ANN)
    with ann.stream("GET", "/api/v1/events", timeout=15.0) as events:
        assert events.status_code == 200
        httpx.post(f"{address}/sign-out", cookies=dict(ann.cookies), headers={"Origin": address})
        began = time.monotonic()
        for _ in events.iter_raw():
            pass
    assert time.monotonic() - began < 12.0


def _listen(live: ClientConnection) -> None:
    while True:
        live.recv(timeout=10.0)


def _cookies(client: httpx.Client, address: str) -> dict[str, str]:
    pairs = "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar)
    return {"Cookie": pairs, "Origin": address}


def test_the_live_channel_wants_a_session_and_our_own_page(address: str) -> None:
    ann = sign_in(address, "ann", ANN)
    with pytest.raises(InvalidStatus):
        connect(f"ws{address[4:]}/live")
    with pytest.raises(InvalidStatus):
        connect(
            f"ws{address[4:]}/live",
            additional_headers=_cookies(ann, address) | {"Origin": "https://evil.example"},
        )
    connect(f"ws{address[4:]}/live", additional_headers=_cookies(ann, address)).close()


def test_no_other_page_can_sign_somebody_in_or_correct(address: str) -> None:
    ann = sign_in(address, "ann", ANN)
    evil = {"Origin": "https://evil.example"}
    assert ann.post("/api/v1/corrections", json=RENAME, headers=evil).status_code == 403
    assert httpx.post(f"{address}/sign-in", data={"user": "ann"}, headers=evil).status_code == 403


def try_to_sign_in(address: str, name: str) -> httpx.Response:
    return httpx.post(f"{address}/sign-in", data={"user": name, "password": "wrong"})


@pytest.mark.parametrize("name", ["ann", "nobody"])
def test_who_tries_too_often_waits(address: str, name: str) -> None:
    tries = [try_to_sign_in(address, name)]
    while tries[-1].status_code == 401 and len(tries) < 30:  # a slow machine gives tries back
        tries.append(try_to_sign_in(address, name))
    assert [answer.status_code for answer in tries[:5]] == [401] * 5
    assert tries[-1].status_code == 429
    assert int(tries[-1].headers["Retry-After"]) >= 1
    assert "Too many tries" in tries[-1].text


def test_a_browser_signs_in_and_out(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not the name and password")
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill(ANN)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Identities")).to_be_visible()
    expect(page.get_by_role("button", name="Sign out")).to_have_attribute(
        "title", "Signed in as ann (operator)"
    )
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Password")).to_be_visible()


def test_after_signing_in_one_is_where_one_wanted_to_be(
    page: Page, address: str, complaints: list[str]
) -> None:
    page.goto(f"{address}/#/identities/1")
    for password in ("wrong", ANN):  # the place outlives a mistake
        page.get_by_label("Name").fill("ann")
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Person 1")).to_be_visible()
    assert page.url == f"{address}/#/identities/1"
    assert [text for text in complaints if "401" not in text] == []


@pytest.mark.parametrize(
    "place", ["https://evil.example", "//evil.example", '#/"><script>', "#/a;url=//evil.example"]
)
def test_signing_in_leads_to_no_other_site(address: str, place: str) -> None:
    data = {"user": "ann", "password": ANN, "place": place}
    answer = httpx.post(f"{address}/sign-in", data=data, headers={"Origin": address})
    assert 'content="0; url=/"' in answer.text
    assert "evil" not in answer.text
    assert "script" not in answer.text


def test_a_viewer_s_page_offers_no_corrections(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_label("Name").fill("bob")
    page.get_by_label("Password").fill(BOB)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Identities")).to_be_visible()
    page.goto(f"{address}/#/identities/1")
    expect(page.get_by_role("heading", name="Person 1")).to_be_visible()
    expect(page.get_by_role("button", name="Rename")).to_be_hidden()
    expect(page.get_by_role("button", name="Forget")).to_be_hidden()


# ── the audit log ───────────────────────────────────────────────────────────────────────────


def test_what_people_do_is_written_down_without_secrets(store: Store, address: str) -> None:
    httpx.post(f"{address}/sign-in", data={"user": "ann", "password": "wrong"})
    ann = sign_in(address, "ann", ANN)
    ann.post("/api/v1/corrections", json=RENAME)
    ann.post("/api/v1/corrections", json={"kind": "forget", "identity": 2})
    ann.get("/api/v1/export/identities.csv")
    sign_in(address, "bob", BOB).post("/api/v1/reload")
    answer = ann.get("/api/v1/audit")
    entries = [(e["user"], e["action"], e["done"]) for e in answer.json()["items"]]
    assert entries == [
        ("bob", Action.RELOAD, False),
        ("bob", Action.SIGN_IN, True),
        ("ann", Action.EXPORT, True),
        ("ann", Action.FORGET, True),
        ("ann", Action.CORRECTION, True),
        ("ann", Action.SIGN_IN, True),
        ("ann", Action.SIGN_IN, False),
    ]
    assert {e["address"] for e in answer.json()["items"]} == {"127.0.0.1"}


def test_wrong_tokens_are_written_down_and_make_their_address_wait(address: str) -> None:
    ann = sign_in(address, "ann", ANN)
    wrong = bearer(address, "something else")
    answers = [wrong.get("/api/v1/cameras") for _ in range(7)]
    assert [answer.status_code for answer in answers[:4]] == [401] * 4
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert bearer(address, CANARIES[2]).get("/api/v1/cameras").status_code == 429
    entries = ann.get("/api/v1/audit", params={"action": "sign in"}).json()["items"]
    tried = [e for e in entries if (e["user"], e["done"]) == ("somebody with a token", False)]
    assert 4 <= len(tried) < 7
    time.sleep(float(answers[-1].headers["Retry-After"]) + 0.1)
    assert bearer(address, CANARIES[2]).get("/api/v1/cameras").status_code == 200


def test_no_secret_stands_in_redis_or_in_an_answer(
    store: Store, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ann = sign_in(address, "ann", ANN)
    bearer(address, CANARIES[2]).get("/api/v1/cameras")
    httpx.get(f"{address}/?token={CANARIES[3]}")
    texts = [ann.get(f"/api/v1/{what}").text for what in ("me", "audit", "health", "cameras")]
    everything = store._redis.execute_command("KEYS", "*")  # the whole server, not this site alone
    texts += [repr(store._redis.dump(key)) for key in everything]
    captured = capsys.readouterr()
    texts += [captured.out, captured.err]
    secrets = [*CANARIES, *HASHES.values(), *(cookie.value or "" for cookie in ann.cookies.jar)]
    assert [s for s in secrets for text in texts if s in text] == []


# ── limits ──────────────────────────────────────────────────────────────────────────────────


def test_bodies_are_limited(address: str) -> None:
    ann = sign_in(address, "ann", ANN)
    assert ann.post("/api/v1/reload", content=b"x" * 70_000).status_code == 413
    assert ann.post("/sign-in", content=b"x" * 70_000).status_code == 413
    huge = {"picture": b"x" * (11 << 20)}
    assert ann.post("/api/v1/search", files=huge).status_code == 413


@pytest.mark.parametrize(
    "path",
    ["/static/../access.py", "/static/%2e%2e/access.py", "/static/..%2faccess.py", "//etc/passwd",
     "/static//etc/passwd", "/api/v1/crops/..%2f..%2fetc%2fpasswd.jpg"],
)  # fmt: skip
def test_no_path_reaches_the_file_system(address: str, path: str) -> None:
    host, port = address.removeprefix("http://").split(":")
    with httpx.Client() as client:
        answer = client.send(
            httpx.Request(
                "GET",
                httpx.URL(scheme="http", host=host, port=int(port), raw_path=path.encode()),
                headers={"Authorization": f"Bearer {CANARIES[2]}"},
            )
        )
    assert answer.status_code in (404, 405)
    assert "import" not in answer.text
    assert "root:" not in answer.text


def test_without_redis_probes_answer_and_nobody_gets_in() -> None:
    """A stale cookie must not make a probe fail."""
    from pipeline.embedded import EmbeddedRedis

    with EmbeddedRedis() as server:
        store = Store.connect(server.url, site="demo")
        with serving(store, guarded()) as address:
            ann = sign_in(address, "ann", ANN)
            store._redis.shutdown(nosave=True)
            assert ann.get("/healthz").status_code == 200
            assert ann.get("/api/v1/me").status_code == 503
