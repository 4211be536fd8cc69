"""The way from screen to screen: by the bar, by keys, by addresses people have kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect
from viewer_parts import NOON, Walk, see, serving

from pipeline.store import Store


@pytest.fixture
def address(store: Store) -> Iterator[str]:
    """A site with one person, in view of one camera."""
    see(store, "west", 1, begin=NOON, end=NOON + 5)
    with Walk(store, "west", "east"), serving(store) as address:
        yield address


def current(page: Page) -> str | None:
    """The screen that the bar says is shown."""
    return page.locator("nav [aria-current=page]").get_attribute("data-screen")


@pytest.mark.parametrize("name", ["identities", "health"])
def test_the_bar_leads_to_every_screen_and_says_where_one_is(page, address, complaints, name):
    page.goto(address)
    expect(page.locator(".live")).to_be_visible()
    page.locator(f'nav [data-screen="{name}"]').click()
    expect(page.locator(f'nav [data-screen="{name}"]')).to_have_attribute("aria-current", "page")
    expect(page.locator("#screen > :not([hidden])")).to_have_count(1)
    expect(page.locator("#screen")).to_be_focused()
    assert page.url.endswith(f"/#/{name}")
    assert complaints == []


@pytest.mark.parametrize(
    ("keys", "screen"),
    [("gi", "identities"), ("gh", "health"), ("2", "identities"), ("gl", "live"), ("1", "live")],
)
def test_keys_lead_from_screen_to_screen(page, address, keys, screen):
    page.goto(f"{address}/#/identities/1")
    expect(page.get_by_role("heading", name="Person 1")).to_be_focused()
    page.keyboard.type(keys)
    expect(page.locator(f'nav [data-screen="{screen}"]')).to_have_attribute("aria-current", "page")


def test_the_help_names_the_keys_and_can_switch_them_off(page, address):
    page.goto(address)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("Go to Identities")
    dialog.get_by_label("Use these keys").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("2")
    assert current(page) == "live"
    page.reload()
    page.keyboard.press("2")
    assert current(page) == "live"
    page.get_by_role("button", name="Keys").click()
    dialog.get_by_label("Use these keys").check()
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    expect(page.locator(".identities")).to_be_visible()


def test_escape_goes_one_step_up(page, address):
    page.goto(f"{address}/#/identities/1")
    expect(page.get_by_role("heading", name="Person 1")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator('.identities [data-identity="1"] a')).to_be_focused()
    assert page.url.endswith("/#/identities")


def told_once(line: WebSocketRoute) -> None:
    """Lets what the page begins with through, and none of the news after it."""
    server = line.connect_to_server()
    server.on_message(lambda text: line.send(text) if '"snapshot"' in str(text) else None)


def test_escape_finds_who_was_left_though_the_list_is_asked_for_twice(page, address):
    lines: list[WebSocketRoute] = []
    asked: list[Route] = []
    page.route_web_socket("**/live*", lambda line: lines.append(line))
    page.route("**/api/v1/identities?*", lambda route: asked.append(route))
    page.goto(f"{address}/#/identities/1")
    expect(page.get_by_role("heading", name="Person 1")).to_be_focused()
    page.keyboard.press("Escape")
    while not asked:
        page.wait_for_timeout(20)
    told_once(lines[0])  # the snapshot has the list asked for once more
    while len(asked) < 2:
        page.wait_for_timeout(20)
    first, second = asked
    with page.expect_response("**/api/v1/identities?*") as answer:
        first.continue_()
    answer.value.finished()
    page.evaluate("() => new Promise(requestAnimationFrame)")  # the old answer has been dealt with
    second.continue_()
    expect(page.locator('.identities [data-identity="1"] a')).to_be_focused()


@pytest.mark.parametrize(
    ("kept", "now"),
    [
        ("#person-1", "#/identities/1"),
        ("#health", "#/health"),
        ("#/nonsense", "#/nonsense"),
        ("#/identities/%", "#/identities/%"),
    ],
)
def test_every_address_shows_something(page, address, kept, now, complaints):
    page.goto(f"{address}/{kept}")
    expect(page.locator("#screen > :not([hidden])")).to_have_count(1)
    assert page.url == f"{address}/{now}"
    assert complaints == []


def test_phones_have_the_screens_at_their_lower_edge(page, address):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(address)
    box = page.locator("#navigation").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] == 844
    sizes = [link.bounding_box() for link in page.locator("nav a").all()]
    assert all(size and min(size["width"], size["height"]) >= 44 for size in sizes)


def test_what_the_interface_refuses_is_said_in_its_own_words(page, address):
    page.goto(address)
    said = page.evaluate(
        """async () => {
          const api = await import("/static/api.js");
          return api.get("/nothing/there").catch((error) => [error.message, error.status]);
        }"""
    )
    assert said == ["Not Found", 404]
