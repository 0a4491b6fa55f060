"""Debian's own Chromium, driven by Playwright; nothing is downloaded.

Owns: where a browser is found, and signing it in as `aex dashboard` does.
Refuses to know: what pages show.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.end_to_end.gateway import Gateway


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; a test that wants one is skipped, with the reason, where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("there is no Chromium; on Debian: apt-get install chromium")
    # Root has no sandbox to give; the pages are our own.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def sign_in(page: Page, gateway: Gateway, *words: str) -> None:
    """By the link that the command prints; the page is the overview then."""
    page.goto(gateway.json("dashboard", *words)["url"])
    page.wait_for_url("**/dashboard")
