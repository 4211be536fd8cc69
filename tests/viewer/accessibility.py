"""What axe-core finds on a page."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SIZES = {"desktop": (1400, 900), "phone": (390, 844)}


def violations(page: Page) -> list[str]:
    """One line for each element that breaks a rule."""
    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]
