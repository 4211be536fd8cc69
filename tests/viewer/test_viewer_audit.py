"""The audit log's screen in a real browser: who did what, found by user and kind, page by page."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from api_parts import walk_by
from playwright.sync_api import Page, expect
from viewer_parts import make_site, serving

from pipeline.audit import Action
from pipeline.store import Store
from pipeline.viewer.accounts import hash_password

PASSWORDS = {"ann": "correct horse battery", "bob": "staple of the till"}
ROLES = {"ann": "operator", "bob": "viewer"}
USERS = {
    name: {"password": hash_password(password), "role": ROLES[name]}
    for name, password in PASSWORDS.items()
}


@pytest.fixture
def address(store: Store) -> Iterator[str]:
    """Ann renames somebody and exports; Bob may not rename, and once mistypes his password."""
    walk_by(store, "west-1", 1)
    with serving(store, make_site(users=USERS)) as address:
        sign_in = {"user": "bob", "password": "wrong"}
        httpx.post(f"{address}/sign-in", data=sign_in, headers={"Origin": address})
        for name in ("bob", "ann"):
            client = httpx.Client(base_url=address, headers={"Origin": address})
            client.post("/sign-in", data={"user": name, "password": PASSWORDS[name]})
            rename = {"kind": "rename", "identity": 1, "name": "Eve"}
            client.post("/api/v1/corrections", json=rename)
        client.get("/api/v1/export/tracklets.csv")
        yield address


def open_as(page: Page, address: str, name: str, hash: str) -> None:
    page.goto(address)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORDS[name])
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#navigation")).to_be_visible()
    page.goto(f"{address}/{hash}")


def rows(page: Page) -> list[str]:
    """What was done by whom, newest first."""
    lines = page.locator(".audit tbody tr")
    expect(lines.first).to_be_visible()
    return [": ".join(line.locator("td").all_inner_texts()[1::-1]) for line in lines.all()]


def test_an_operator_reads_who_did_what(page: Page, address: str, complaints: list[str]) -> None:
    open_as(page, address, "ann", "#/health")
    complaints.clear()  # of the page before one signs in
    page.get_by_role("link", name="Audit log").click()
    expect(page.get_by_role("heading", name="Audit log")).to_be_visible()
    assert rows(page) == [
        "ann: Signed in",
        "ann: Exported tracklets.csv",
        "ann: Named Person 1",
        "ann: Signed in",
        "bob: Corrected something (refused)",
        "bob: Signed in",
        "bob: Tried to sign in (refused)",
    ]
    assert "Eve" not in page.locator(".audit").inner_text()
    expect(page.locator('nav [data-screen="health"]')).to_have_attribute("aria-current", "page")
    assert complaints == []


def test_it_is_found_by_user_and_kind_and_kept_in_the_address(page: Page, address: str) -> None:
    open_as(page, address, "ann", "#/audit")
    page.get_by_label("What").select_option("Signing in")
    page.get_by_label("Who").fill("bob")
    expect(page.locator(".audit tbody tr")).to_have_count(2)
    assert page.url.endswith("#/audit?user=bob&action=sign+in")
    page.reload()
    assert rows(page) == ["bob: Signed in", "bob: Tried to sign in (refused)"]
    page.get_by_label("Who").fill("nobody")
    expect(page.locator(".audit")).to_contain_text("Nothing of the kind is in the log.")


def test_it_goes_back_page_by_page_and_news_arrive(page: Page, address: str, store: Store) -> None:
    for number in range(250):
        store.audit.add("eve", "10.0.0.1", Action.SEARCH, done=True, details={"person": number})
    open_as(page, address, "ann", "#/audit?user=eve")
    lines = page.locator(".audit tbody tr")
    for count in (100, 200, 250):
        expect(lines).to_have_count(count)
        if count < 250:
            page.get_by_role("button", name="Show older").click()
    expect(page.get_by_role("button", name="Show older")).to_be_hidden()
    store.audit.add("eve", "10.0.0.1", Action.EXPORT, done=True, details={"file": "statistics.csv"})
    expect(lines).to_have_count(251)
    expect(lines.first).to_contain_text("Exported statistics.csv")


def test_a_viewer_is_told_that_it_is_for_operators(page: Page, address: str) -> None:
    open_as(page, address, "bob", "#/health")
    expect(page.locator(".health .verdict")).to_be_visible()
    expect(page.get_by_role("link", name="Audit log")).to_be_hidden()
    page.goto(f"{address}/#/audit")
    expect(page.locator(".audit [role=status]")).to_contain_text("operator")
