"""Times of the page as people in different countries read them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser
from viewer_parts import NOON, serving

from pipeline.store import Store

SPAN = """
async ([begin, end]) => {
  const { clockSpan } = await import("/static/times.js");
  return clockSpan(begin, end).replaceAll("\\u202f", " ");
}
"""


@pytest.mark.parametrize(
    ("locale", "begin", "end", "text"),
    [
        ("en-GB", 0, 28, "12:00:00 – 12:00:28"),
        ("de-DE", -1, 28, "11:59:59 – 12:00:28"),
        ("en-US", 3600, 3628, "1:00:00 – 1:00:28 PM"),
        ("en-US", -1, 28, "11:59:59 AM – 12:00:28 PM"),
        ("en-US", 3600, 3600.4, "1:00:00 PM"),
    ],
)
def test_a_span_says_no_more_than_is_needed(
    chromium: Browser, store: Store, locale: str, begin: float, end: float, text: str
) -> None:
    with serving(store) as address:
        page = chromium.new_page(locale=locale, timezone_id="UTC")
        page.goto(f"{address}/#/health")
        assert page.evaluate(SPAN, [NOON + begin, NOON + end]) == text
        page.close()
