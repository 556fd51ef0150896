"""A newcomer's first day in a real browser: from the first sign-in to a call with a key of one's own."""

import asyncio
import json
import re

import openai
import pytest
from playwright.async_api import async_playwright, expect

from tests.services.gui.test_browser import CHROMIUM, QUIET, WITHOUT
from tests.support.waiting import DEADLINE, eventually
from tests.system.conftest import UP

pytestmark = [
    pytest.mark.soak,  # a whole appliance; the steps have tests of their own
    pytest.mark.timeout(540),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=WITHOUT),
]


def ask(base, key):
    """The text of an answer, by the SDK of OpenAI."""
    with openai.OpenAI(base_url=base, api_key=key, max_retries=5) as client:
        asked = {"model": "dummy", "messages": [{"role": "user", "content": "Hello"}]}
        return client.chat.completions.create(**asked).choices[0].message.content


async def test_from_the_first_sign_in_to_a_call_with_an_own_key(whole_appliance):
    whole_appliance.start(*UP)
    serving = whole_appliance.folder / "checksum" / ".gui_config.sha256"
    await eventually(serving.exists, "the interface serves", seconds=4 * DEADLINE)
    first = (whole_appliance.folder / "secrets" / "GUI_SECRET").read_text().strip()
    address, complaints = f"http://localhost:{whole_appliance.gui_port}", []
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET])
        page = await (await chromium.new_context(viewport={"width": 1440, "height": 900})).new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))

        await page.goto(address)  # sign in with what the first start has made, and choose a password
        await page.get_by_label("Password", exact=True).fill(first)
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_label("Present password").fill(first)
        await page.get_by_label("New password", exact=True).fill("a password of my own")
        await page.get_by_label("New password again").fill("a password of my own")
        await page.get_by_role("button", name=re.compile("Change")).click()
        await page.wait_for_url("**/mainmenu")

        await page.get_by_role("link", name="Routers").first.click()  # a router of one's own
        await page.get_by_role("button", name="New router").click()
        await page.get_by_label("Router path").fill("/mine/")
        await page.get_by_label("URL", exact=True).fill(f"http://127.0.0.1:{whole_appliance.dummy_port}/")
        await page.get_by_role("button", name="Save and close").click()
        await page.get_by_role("link", name="Review and deploy").click()
        await page.get_by_role("button", name="Deploy").click()
        await expect(page.get_by_text("The deployed file is in force")).to_be_visible(timeout=60_000)

        await page.get_by_role("link", name="Live calls").first.click()  # a call, and see it
        await expect(page.locator("#live-state")).to_have_text("streaming")
        assert await asyncio.to_thread(ask, f"{whole_appliance.url}/mine/v1", "none")
        await expect(page.locator("#calls tr", has_text="/mine/").first).to_be_visible()

        await page.get_by_role("link", name="Client keys").first.click()  # a key, and the SDK with it
        await page.get_by_label("Name").fill("my laptop")
        await page.get_by_role("button", name="Create key").click()
        key = (await page.locator("#secret").inner_text()).strip()
        base = re.search(r"(http://localhost:[0-9]+/v1)/chat", await page.locator("body").inner_text())
        assert base, await page.locator("body").inner_text()
        await chromium.close()
    assert complaints == []

    assert await asyncio.to_thread(ask, base[1], key)
    record = await eventually(
        lambda: next(
            (one for one in whole_appliance.records() if (one.get("client") or {}).get("name") == "my laptop"), None
        ),
        "the record of the call with the key",
    )
    assert key not in json.dumps(record)
