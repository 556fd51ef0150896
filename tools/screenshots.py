"""Take the screenshots of the documentation: `make screenshots`.

Starts the shipped appliance in a temporary folder, fills its ledger with two made weeks, makes client keys and some
calls, and takes pictures of its pages with Chromium. They are written as WebP, which is small.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from playwright.async_api import Browser as Chromium
from playwright.async_api import Page, async_playwright

from gecholog.keys.credential import id_of
from gecholog.ledger.database import open_writer
from gecholog.ledger.location import locate
from tests.support.gui import Browser
from tests.system.conftest import UP, Default
from tools.screenshot_calls import CLIENTS, made_calls

IMAGES = Path(__file__).parent.parent / "docs" / "images"
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
PASSWORD = "a password for pictures"  # noqa: S105 - of an appliance that is gone a minute later
_WIDE, _NARROW = (1280, 800), (390, 760)
_QUALITY = 0.82
_CALLS = 60
_AT_ONCE = 500  # rows of a transaction
_MODELS = ("gpt-4o-mini", "claude-sonnet-4-5", "gpt-4o")
_PROMPTS = (
    "Summarise this ticket in one sentence.",
    "Which shoes fit a trail run in the rain?",
    "Write a test for the function below.",
    "Translate the answer into French, and keep its tone.",
)
_TO_WEBP = """async ([data, quality]) => {
  const image = new Image();
  image.src = data;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/webp", quality);
}"""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture: its name, the address, and what has to be visible before it is taken."""

    name: str
    address: str
    ready: str = "h1"
    size: tuple[int, int] = _WIDE
    theme: str = "light"


SHOTS = (
    Shot("overview", "/mainmenu?range=7d"),
    Shot("overview-dark", "/mainmenu?range=7d", theme="dark"),
    Shot("live", "/logs", "table tbody tr"),
    Shot("call", "CALL", "h1"),
    Shot("usage", "/usage?range=30d"),
    Shot("keys", "/keys", "table"),
    Shot("tutorial", "/routers/code?router=%2Fdummy%2F&tutorial=504", "pre"),
    Shot("routers", "/routers"),
    Shot("narrow", "/mainmenu?range=7d", size=_NARROW),
)


def main() -> int:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description="Take the screenshots of the documentation.")
    parser.add_argument("--into", type=Path, default=IMAGES, help="the folder (docs/images)")
    parser.add_argument("name", nargs="*", help="names of pictures (all)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make: Any = Default  # of the tests, which have no types
        appliance = make(Path(folder) / "app")
        try:
            appliance.up(*UP, GUI_SECRET=PASSWORD, GECHOLOG_LISTEN="127.0.0.1", **_providers(appliance.dummy_port))
            arguments.into.mkdir(parents=True, exist_ok=True)
            asyncio.run(_take(appliance, arguments.into, arguments.name))
        finally:
            appliance.close()
    return 0


def _providers(port: int) -> dict[str, str]:
    """The environment in which the dummy LLM stands for OpenAI and Anthropic."""
    return {
        "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1",
        "OPENAI_API_KEY": "none",
        "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port}",
        "ANTHROPIC_API_KEY": "none",
    }


async def _take(appliance: Any, into: Path, names: list[str]) -> None:
    keys = dict(_made_keys(appliance.gui_port))
    await _fill_ledger(appliance.folder / "data" / "ledger.db", {name: id_of(key) for name, key in keys.items()})
    await asyncio.to_thread(_call, appliance.url, keys)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for shot in SHOTS:
            if not names or shot.name in names:
                data = await _picture(chromium, f"http://127.0.0.1:{appliance.gui_port}", shot)
                (into / f"{shot.name}.webp").write_bytes(data)
                sys.stdout.write(f"{shot.name}.webp {len(data) // 1024} KB\n")
        await chromium.close()


def _made_keys(port: int) -> Iterator[tuple[str, str]]:
    """Make the client keys, by the page for it. Yields their names and texts."""
    browser = Browser(port)
    browser.sign_in("admin", PASSWORD)
    for client in CLIENTS:
        form = {"name": client.name, "owner": client.owner, "tags": ", ".join(client.tags), "budget": client.budget}
        reply = browser.submit("/keys", "/keys", **form, allow_unpriced="on")
        found = re.search(r'<code id="secret">([^<]+)</code>', reply.text)
        if found is None:
            raise SystemExit(f"no key was made: {reply.status}")
        yield client.name, found[1]


async def _fill_ledger(file: Path, keys: dict[str, str]) -> None:
    ledger = open_writer(locate(f"sqlite:///{file}"))
    try:
        await ledger.migrate()
        calls = list(made_calls(keys, time.time_ns() // 1000))
        for place in range(0, len(calls), _AT_ONCE):
            await ledger.insert(calls[place : place + _AT_ONCE])
    finally:
        await ledger.close()


def _call(url: str, keys: dict[str, str]) -> None:
    """Some calls to the dummy LLM, of which a few fail."""
    for number in range(_CALLS):
        key = list(keys.values())[number % len(keys)]
        body = {
            "model": _MODELS[number % len(_MODELS)] if number % 17 else "no-such-model",
            "messages": [{"role": "user", "content": _PROMPTS[number % len(_PROMPTS)]}],
        }
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {key}",
            "X-Dummy-Latency-Ms": str(5 + number * 37 % 180),
        }
        request = Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), headers)  # noqa: S310 - http
        try:
            with urlopen(request, timeout=30) as response:  # noqa: S310 - http
                response.read()
        except OSError:
            continue  # those that fail are in the picture, too


async def _picture(chromium: Chromium, address: str, shot: Shot) -> bytes:
    width, height = shot.size
    context = await chromium.new_context(
        base_url=address, viewport={"width": width, "height": height}, timezone_id="Europe/Paris", locale="en-GB"
    )
    page = await context.new_page()
    await page.goto("/login")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/mainmenu")
    await page.emulate_media(color_scheme="dark" if shot.theme == "dark" else "light")
    await _open(page, shot)
    data = await page.screenshot(animations="disabled")
    await page.goto("about:blank")
    text = await page.evaluate(_TO_WEBP, [f"data:image/png;base64,{base64.b64encode(data).decode()}", _QUALITY])
    await context.close()
    return base64.b64decode(str(text).partition(",")[2])


async def _open(page: Page, shot: Shot) -> None:
    """Go to the page of a picture. `CALL` is the page of the latest call."""
    if shot.address == "CALL":
        await page.goto("/logs")
        await page.locator("table tbody a").first.click()
    else:
        response = await page.goto(shot.address)
        if response is None or not response.ok:
            raise SystemExit(f"no picture of {shot.address}: {response and response.status}")
    await page.locator(shot.ready).first.wait_for()
    await page.wait_for_timeout(1500)  # charts draw, and what is loaded later arrives


if __name__ == "__main__":
    sys.exit(main())
