"""What the page says about how the site is doing, and what it does when cameras come and go."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect
from viewer_parts import Walk, beat, living, make_site, report, serving

from pipeline.data import CameraState, Clock
from pipeline.metrics import Metrics
from pipeline.site_file import SiteFile
from pipeline.store import Store

SITE = """
site: demo
viewer: {port: 0}
cameras:
  west: {source: 'rtsp://admin:canary@10.0.0.7/stream'}
  east: {source: 'rtsp://admin:canary@10.0.0.8/stream'}
"""


@pytest.fixture
def working(store: Store) -> Iterator[str]:
    """A site where everything works."""
    node, matcher = Metrics("node"), Metrics("matcher")
    with node.stage("detect"):
        time.sleep(0.01)
    node.delay("tracks", 0.25, camera="west")
    node.redis(0.002)
    matcher.gauge("working", 1)
    standby = Metrics("matcher")
    standby.gauge("working", 0)
    began = time.time() - 3700

    def say() -> None:
        beat(store, "hall/node", metrics=node, started=began)
        beat(store, "hall/matcher", metrics=matcher)
        beat(store, "till/matcher", metrics=standby)
        for camera in ("west", "east"):
            report(store, camera, node="hall/node", received=90, drops={"stale": 12},
                   clock=Clock.RTCP, clock_offset=-0.03)  # fmt: skip

    with living(say), serving(store) as address:
        yield address


def locked_out(store: Store) -> float:
    """What a node says of a camera whose password is wrong; when it will try again."""
    next_try = time.time() + 25
    report(
        store, "west", CameraState.WAITING, problem="authentication",
        error="camera west: authentication failed at rtsp://***@10.0.0.7/stream",
        next_try=next_try, node="hall/node",
    )  # fmt: skip
    return next_try


def row(page: Page, heading: str) -> Locator:
    """The row of a table of the Health screen that begins with this."""
    return page.locator(".health tr", has=page.get_by_role("rowheader", name=heading))


def light(page: Page) -> Locator:
    """What leads to the Health screen, and says from everywhere how things are."""
    return page.locator('nav [data-screen="health"]')


def opened(page: Page, address: str) -> None:
    page.goto(f"{address}/")
    light(page).click()
    expect(page.get_by_role("heading", name="Health", level=2)).to_be_visible()


def test_a_site_that_works_says_so_with_its_processes(page, working, complaints):
    opened(page, working)
    expect(light(page)).to_have_attribute("data-state", "well")
    expect(page.locator(".verdict")).to_have_text("Everything works.")
    node = row(page, "hall/node")
    expect(node).to_contain_text(re.compile(r"Runs cameras\s*1 h 1 min"))
    expect(node).to_contain_text(re.compile(r"\d+ MB"))
    expect(node).to_contain_text("west, east")
    expect(node).to_contain_text("2.0 ms")  # Redis
    expect(row(page, "hall/matcher")).to_contain_text("Matches")
    expect(row(page, "till/matcher")).to_contain_text("Stands by")
    expect(row(page, "Detecting")).to_contain_text("hall/node")
    expect(row(page, "From arrival to tracks")).to_contain_text("250 ms")
    west = row(page, "west")
    expect(west).to_contain_text("−30 ms")
    expect(west).to_have_attribute("title", "Left out since the start: 12 too old")
    assert complaints == []


def test_whoever_is_not_told_is_named_with_the_reason(page, store, working):
    note = {"place": "0-0.0-0.0-0", "problem": "", "time": time.time()}
    store.events.note_outgoing({"webhook:alarm": note})
    opened(page, working)
    expect(row(page, "Webhook alarm")).to_contain_text("is told")
    why = "expected an MQTT broker at mqtt://10.0.0.5:1883, found: timed out"
    store.events.note_outgoing({"mqtt": note | {"problem": why}})
    expect(row(page, "MQTT broker")).to_contain_text("is not told")
    expect(page.locator(".problems")).to_contain_text(f"MQTT broker is not told: {why}")


def test_an_address_of_an_earlier_version_leads_to_the_health_screen(page, working):
    page.goto(f"{working}/#health")
    expect(page.locator(".verdict")).to_be_visible()
    assert page.url.endswith("/#/health")


def test_what_is_missing_is_said_in_words(page, store):
    def say() -> None:
        locked_out(store)
        beat(store, "hall/node", ready=False, note="Redis has been away for 12 s")

    with serving(store) as address, living(say):
        opened(page, address)
        expect(light(page)).to_have_text("4 problems")
        problems = page.locator(".problems")
        expect(problems).to_contain_text("No matcher is running")
        expect(problems).to_contain_text("hall/node is not ready: Redis has been away for 12 s")
        expect(problems).to_contain_text("west: Wrong user name or password, since")
        expect(problems).to_contain_text("east: No node is running this camera.")


def test_a_tile_says_what_is_wrong_and_counts_down(page, store):
    with serving(store) as address:
        page.goto(address)
        west = page.locator('[data-camera="west"] .notice')
        expect(west).to_be_visible()
        next_try = locked_out(store)
        expect(west).to_contain_text("Wrong user name or password")
        expect(west).to_contain_text("authentication failed at rtsp://***@10.0.0.7/stream")
        expect(west).to_contain_text("Run by hall/node")
        left = re.search(r"next try in (\d+) s", west.inner_text())
        assert left is not None
        fewer = "|".join(map(str, range(int(left[1]))))  # a busy page may leave a second out
        expect(west).to_contain_text(re.compile(f"next try in ({fewer}) s"))
        left = re.search(r"next try in (\d+) s", west.inner_text())
        assert left is not None
        assert int(left[1]) == pytest.approx(next_try - time.time(), abs=2.0)


def test_a_process_that_was_restarted_is_told(page, store):
    began = dict.fromkeys(("hall/node", "hall/matcher", "till/matcher"), time.time() - 60)

    def say() -> None:
        for name, started in list(began.items()):
            beat(store, name, started=started)

    with living(say), serving(store) as address:
        opened(page, address)
        expect(row(page, "hall/node")).to_be_visible()
        began["hall/node"] = time.time()
        del began["till/matcher"]
        store.presence.remove_process("till/matcher")
        expect(page.locator(".health")).to_contain_text("hall/node has been restarted")
        expect(page.locator(".health")).to_contain_text("till/matcher is gone")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1024])
def test_the_health_screen_fits_every_width(page, working, width, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    opened(page, working)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelector('.health').scrollWidth") <= width


def test_cameras_come_and_go_without_a_reload_of_the_page(page, store, tmp_path: Path):
    cams = tmp_path / "cams.yaml"
    cams.write_text(SITE, encoding="utf-8")
    with Walk(store, "west", "east", "yard"), serving(store, SiteFile(cams)) as address:
        page.goto(address)
        page.evaluate("window.unchanged = true")
        expect(page.locator('.tile[data-state="live"]')).to_have_count(2)
        cams.write_text(
            SITE.replace("east:", "yard:").replace("rtsp://admin:canary@10.0.0.8", "rtsp://x"),
            encoding="utf-8",
        )
        answer = httpx.post(f"{address}/api/v1/reload")
        assert answer.json() == {"changes": ["camera yard is new", "camera east is gone"]}
        expect(page.locator('[data-camera="yard"][data-state="live"]')).to_be_visible()
        expect(page.locator('[data-camera="east"]')).to_have_count(0)
        expect(page.locator('[data-camera="west"][data-state="live"]')).to_be_visible()
        assert page.evaluate("window.unchanged")
        assert store.watched(["west", "east", "yard"]) == {"west", "yard"}


def test_no_password_of_a_camera_reaches_the_page_or_the_api(page, store, tmp_path: Path):
    cams = tmp_path / "cams.yaml"
    cams.write_text(SITE, encoding="utf-8")
    heard: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda f: heard.append(str(f))))
    with Walk(store, "west", "east"), serving(store, SiteFile(cams)) as address:
        page.goto(address)
        expect(page.locator('.tile[data-state="live"]')).to_have_count(2)
        beat(store, "hall/node")
        light(page).click()
        expect(row(page, "hall/node")).to_be_visible()
        cams.write_text("cameras: {west: {source: 'rtsp://a:canary@x', nonsense: 1}}")
        refused = httpx.post(f"{address}/api/v1/reload")
        paths = httpx.get(f"{address}/api/v1/openapi.json").json()["paths"]
        plain = [path for path in paths if "{" not in path and not path.endswith("/events")]
        answers = [httpx.get(address + path).text for path in ["/metrics", "/readyz", *plain]]
        answers += [refused.text, page.content(), *heard]
    assert refused.status_code == 422
    assert "nonsense" in refused.text
    assert any('"snapshot"' in text for text in heard)
    assert [text for text in answers if "canary" in text] == []


def test_a_reload_from_another_page_is_refused(store):
    with serving(store, make_site()) as address:
        evil = httpx.post(f"{address}/api/v1/reload", headers={"Origin": "http://evil.example"})
        own = httpx.post(f"{address}/api/v1/reload", headers={"Origin": address})
    assert (evil.status_code, own.status_code) == (403, 200)
    assert store.presence.reloads_asked() == 1
