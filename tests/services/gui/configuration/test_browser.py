"""The forms in a real browser: no error in the console, no violation of the Content-Security-Policy."""

import json
from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from tests.support.gui import SECRET

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(480),  # a validation takes seconds on a loaded machine
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}"),
]


@pytest.fixture
async def page(conf, gui, free_port):
    """A page in which admin is signed in; at the end it must have had no complaints."""
    complaints = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = await browser.new_context(
            base_url=f"http://127.0.0.1:{free_port}", viewport={"width": 1280, "height": 900}
        )
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


async def test_from_a_new_router_to_its_deployment(page, conf):
    """Without the mouse where it matters: Return saves, and buttons have names."""
    await page.goto("/routers")
    await page.get_by_role("button", name="New router").click()
    await page.get_by_label("Router path").fill("/browser/")
    await page.get_by_label("URL", exact=True).fill("https://new.example")
    await page.get_by_label("URL", exact=True).press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("/browser/")
    await expect(page.get_by_label("URL", exact=True)).to_have_value("https://new.example")
    await page.goto("/routers")
    await page.get_by_role("button", name="Move router /browser/ up").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/routers*")
    await page.get_by_role("link", name="Review and deploy").click()
    await expect(page.locator(".diff-added").first).to_be_visible()
    await page.get_by_role("button", name="Deploy").click()
    await page.wait_for_url("**/config/gl")
    routers = json.loads((conf / "gl_config.json").read_text("utf-8"))["routers"]
    assert [router["path"] for router in routers][-2:] == ["/browser/", "/restricted/"]


async def test_lists_headers_and_the_text(page, conf):
    """A header is added and removed; the raw editor numbers its lines, and shows a finding at its line."""
    await page.goto("/config/gl/form?at=/routers/1")
    await page.locator("#f-routers-1-ingress").get_by_role("button", name="Add to required headers").click()
    name = page.get_by_label("Name 1 of required headers")
    await name.fill("X-Key")
    await page.get_by_label("Value 1 of the new entry").fill("${NOT_SET_ANYWHERE}")
    await page.get_by_role("button", name="Save and validate").click()
    await expect(page.get_by_text("is not set").first).to_be_visible()
    await page.goto("/config/gl/raw")
    await expect(page.locator(".editor-lines")).to_contain_text("100")
    await page.get_by_label("Text of gl_config.json").fill('{\n  "version": 1\n}')
    await page.get_by_role("button", name="Save and validate").click()
    await expect(page.locator(".finding-error").filter(has_text="version")).to_contain_text("line 2")
