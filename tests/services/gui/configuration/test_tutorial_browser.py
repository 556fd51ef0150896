"""A tutorial in a real browser, with a real gateway: from its start to the call that it waits for."""

import asyncio
import os
import re
from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from tests.support.dummy import Dummy
from tests.support.gui import SECRET
from tests.support.ports import free_port as another_port
from tests.support.ports import with_ports
from tests.support.waiting import DEADLINE

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
NARROW = {"width": 360, "height": 740}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}"),
]


@pytest.fixture
async def address(conf, home, nats_server, run_service, start_gui, free_port, tmp_path):
    """The interface, beside a gateway with the shipped routers, and the dummy LLM."""
    dummy = Dummy(tmp_path / "dummy", {})
    try:
        dummy.process.wait_for_log("http server initialized")
        ports = {"5380": another_port(), "5390": dummy.port, "5381": another_port()}
        file = conf / "gl_config.json"
        text = with_ports(file.read_text("utf-8"), ports).replace("localhost:4222", nats_server.hostname)
        file.write_text(text, "utf-8")
        env = {"NATS_TOKEN": nats_server.token, "GECHOLOG_LISTEN": "127.0.0.1"}
        gl = run_service("services.gl", file, env=env, home=home)
        process = await asyncio.to_thread(start_gui, bus=nats_server.hostname, token=nats_server.token)
        gl.wait_for_log("http(s) server initialized")
        await process.logged("bus connected")
        yield f"http://127.0.0.1:{free_port}"
    finally:
        dummy.process.close()


@pytest.fixture
async def page(address):
    """A narrow page in which admin is signed in; at the end it must have had no complaints."""
    complaints = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = await browser.new_context(base_url=address, viewport=NARROW)
        page = await context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto("/login")
        await page.fill("input[type=password]", SECRET)
        await page.press("input[type=password]", "Enter")
        await page.wait_for_url("**/mainmenu")
        yield page
        await browser.close()
    assert complaints == []


async def _is_narrow(page):
    assert await page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


async def test_make_a_request(page):
    """The code of the page is run, and the panel sees its call."""
    await page.goto("/tutorials")
    await _is_narrow(page)
    await page.get_by_role("listitem").filter(has_text="Make a request").get_by_role("link", name="Start").click()
    panel = page.get_by_role("region", name="Tutorial")
    await expect(panel).to_contain_text("step 1 of 5")
    await panel.get_by_role("link", name="Next").click()
    await expect(page.locator("main li .tutorial-mark")).to_be_visible()
    await page.get_by_role("listitem").filter(has_text="/dummy/").get_by_role("link", name="Code").click()
    await expect(panel).to_contain_text("step 3 of 5")
    await _is_narrow(page)
    code = await page.locator("#code-curl").inner_text()
    await panel.get_by_role("link", name="Next").click()
    await panel.get_by_role("link", name="Next").click()
    await expect(panel).to_contain_text("waiting for a call")
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", code, env={"PATH": os.environ["PATH"], "MY_API_KEY": "any"}, stdout=asyncio.subprocess.PIPE
    )
    answer, _ = await asyncio.wait_for(process.communicate(), DEADLINE)
    assert b'"choices"' in answer
    await expect(panel).to_contain_text("Seen: your call to /dummy/, status 200, is in Live.", timeout=60_000)
    await panel.get_by_role("link", name="Look at it").click()
    await expect(page).to_have_url(re.compile("/logs/GECHO001_"))
    await panel.get_by_role("button", name="Stop").click()
    await expect(panel).to_have_count(0)
