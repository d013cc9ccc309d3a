"""Photograph the search page: python docs/make_page_images.py writes docs/images/page-wide.jpg and page-phone.jpg.

Needs Debian's Chromium (`make chromium`) and the dev extra. The garments are the demo's own.
"""

import io
import shutil
import threading
from pathlib import Path
from typing import Any

import uvicorn
from PIL import Image
from playwright.sync_api import sync_playwright

from lapel import Catalogue, Query
from lapel.demo import run_demo
from lapel.interfaces.http import create_app
from lapel.interfaces.page.showing import link
from lapel.schema import Part

IMAGES = Path(__file__).parent / "images"
MIX = Query((Part("item:000005", {"pattern": 1.0}), Part("item:000032", {"color": 0.7})), k=24)
SHOTS = {"page-wide.jpg": (1440, 980, 1), "page-phone.jpg": (390, 844, 2)}


def photograph(browser: Any, address: str, name: str) -> None:
    """One picture of the page, with the regions of the pattern shown."""
    width, height, scale = SHOTS[name]
    page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=scale)
    page.goto(link(address, MIX) + ("&map=pattern" if width < 900 else ""))
    page.wait_for_selector(".hit:not(.skeleton) img")
    page.wait_for_timeout(1500)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.save(IMAGES / name, quality=82, optimize=True, progressive=True)
    page.close()


if __name__ == "__main__":
    made = run_demo(open_browser=False, show=None)
    server = uvicorn.Server(uvicorn.Config(create_app(Catalogue.open(made.catalogue)), port=8977, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for shot in SHOTS:
                photograph(browser, "http://127.0.0.1:8977/", shot)
    finally:
        server.should_exit = True
        thread.join()
