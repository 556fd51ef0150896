"""The interface in a real browser. Each test fails on an error in the console, such as a violation of the policy."""

import asyncio
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import nats
import pytest
from playwright.async_api import Page, async_playwright, expect

from gecholog.ledger.database import open_writer
from gecholog.ledger.location import locate
from services.gui import routes
from tests.support.gui import SECRET
from tests.support.ledger_calls import made_calls

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WITHOUT = f"there is no Chromium at {CHROMIUM} (apt install chromium)"
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=WITHOUT)

expect.set_options(timeout=30_000)  # milliseconds: a slow machine is no reason to fail

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


class Desk:
    """Chromium at the interface; `errors` is what its consoles said."""

    def __init__(self, chromium, address):
        self.address = address
        self.errors = []
        self._chromium = chromium

    async def page(self, **options) -> Page:
        context = await self._chromium.new_context(**options)
        page = await context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        return page

    async def signed_in(self, **options) -> Page:
        page = await self.page(**options)
        await page.goto(f"{self.address}/login")
        await page.get_by_label("Password", exact=True).fill(SECRET)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(f"{self.address}/mainmenu")
        return page


@pytest.fixture
async def desk(nats_server, start_gui, free_port, home):
    """The interface with a bus, and Chromium."""
    (home / "conf").mkdir(parents=True)
    bus = {"hostname": nats_server.hostname, "token": nats_server.token}
    (home / "conf" / "gl_config.json").write_text(json.dumps({"service_bus": bus}))
    process = await asyncio.to_thread(start_gui, bus=nats_server.hostname, token=nats_server.token)
    await process.logged("bus connected")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET])
        made = Desk(chromium, f"http://127.0.0.1:{free_port}")
        yield made
        await chromium.close()
    assert made.errors == []


def record(number, router="/dummy/", status=200, text="Hello"):
    timer = {
        "start": f"2026-11-30T09:28:{number:02}.162Z",
        "stop": f"2026-11-30T09:28:{number:02}.200Z",
        "duration": 38,
    }
    payload = {"model": HOSTILE, "messages": [{"role": "user", "content": text}]}
    return json.dumps(
        {
            "transaction_id": f"GECHO001_{number}",
            "request": {
                "gl_path": router,
                "ingress_payload": payload,
                "outbound_payload": payload | {"added": True},
                "ingress_outbound_timer": timer,
            },
            "response": {"egress_status_code": status, "inbound_payload": text, "egress_payload": text},
            "ingress_egress_timer": timer,
        }
    ).encode()


async def publish(nats_server, *records):
    client = await nats.connect(nats_server.hostname, token=nats_server.token)
    for one in records:
        await client.publish("coburn.gl.logger", one)
    await client.close()


@pytest.mark.timeout(400)
async def test_every_page_of_the_navigation_fits_from_360_px_up(desk):
    """And none of them loads anything from elsewhere, or breaks the policy."""
    requested = set()
    for options in ({"color_scheme": "dark"}, {"viewport": {"width": 360, "height": 700}, "color_scheme": "light"}):
        page = await desk.signed_in(**options)
        page.on("request", lambda request: requested.add(request.url.split("/")[2]))
        for entry in routes.NAVIGATION:
            await page.goto(desk.address + entry.path)
            await expect(page.locator("h1.page-title")).to_be_visible()
            wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, (entry.path, wide)
    assert requested == {desk.address.removeprefix("http://")}


async def test_live_calls_without_a_bus(start_gui, free_port):
    """The stream to the browser is there, but nothing can come."""
    await asyncio.to_thread(start_gui)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET])
        page = await Desk(chromium, f"http://127.0.0.1:{free_port}").signed_in()
        async with page.expect_response("**/logs/stream"):
            await page.goto(f"http://127.0.0.1:{free_port}/logs")
        await page.get_by_role("button", name="Pause").click()
        await expect(page.locator("#live-state")).to_have_text("paused")
        await page.get_by_role("button", name="Resume").click()
        await expect(page.locator("#live-state")).to_have_text("not connected to the bus")
        await chromium.close()


async def test_the_badges_of_the_api_page(desk):
    """The versions beside the title can be read: a text, in another colour than what is behind it."""
    for scheme in ("light", "dark"):
        page = await desk.signed_in(color_scheme=scheme)
        await page.goto(f"{desk.address}/swagger")
        await expect(page.locator("#swagger .title small")).to_have_count(2)
        badges = await page.locator("#swagger .title small").evaluate_all(
            """found => found.map((one) => [one.textContent.trim(),
                getComputedStyle(one.querySelector("pre")).color, getComputedStyle(one).backgroundColor])"""
        )
        for text, colour, behind in badges:
            assert (text, colour) == (text or "a text", "rgb(255, 255, 255)")
            assert behind not in {"rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"}


async def test_the_ledger_in_a_browser(desk, home):
    """Chart, filters by a click and by keyboard, pages, a call; in both themes, wide and narrow."""
    now = int(time.time()) * 10**6
    made = list(made_calls(120, now - 3_600_000_000, now))
    calls = [replace(call, model=HOSTILE, client_name=HOSTILE) if call.model else call for call in made]
    await fill(home, calls)
    page = await desk.signed_in(color_scheme="dark", timezone_id="Europe/Stockholm")
    await expect(page.locator(".chart canvas")).to_be_visible()
    await expect(page.locator(".u-legend")).to_contain_text("<script>")
    await expect(page.get_by_text("Europe/Stockholm").first).to_be_visible()  # the zone of the browser
    await page.locator("#groups a.row-link").first.click()
    await expect(page.locator(".chip")).to_contain_text("model")
    await page.get_by_role("link", name="remove").click()
    await expect(page.locator(".chip")).to_have_count(0)
    await page.locator(".filter-summary").focus()
    await page.keyboard.press("Enter")
    await page.get_by_label("Status").select_option("failed")
    await page.get_by_role("button", name="Show").press("Enter")
    await page.wait_for_url("**status=failed**")

    narrow = await desk.signed_in(viewport={"width": 360, "height": 700}, color_scheme="light")
    await narrow.goto(f"{desk.address}/history?range=24h")
    await expect(narrow.locator("tbody tr")).to_have_count(50)
    await narrow.get_by_role("link", name="Older").click()
    await expect(narrow.get_by_role("link", name="Latest")).to_be_visible()
    await narrow.locator("tbody a.row-link").first.click()
    await expect(narrow.get_by_role("heading", name="Timeline")).to_be_visible()
    for path in ("/mainmenu", "/history", "/usage", "/usage?by=model", "/usage?by=client&measure=tokens"):
        await narrow.goto(desk.address + path)
        wide = await narrow.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, (path, wide)
        assert "owned" not in await narrow.title()


async def fill(home, calls):
    ledger = open_writer(locate(f"sqlite://{home}/data/ledger.db"))
    await ledger.migrate()
    await ledger.insert(calls)
    await ledger.close()


async def test_calls_appear_as_they_end_and_can_be_held(desk, nats_server):
    page = await desk.signed_in()
    await page.goto(f"{desk.address}/logs")
    await expect(page.locator("#live-state")).to_have_text("streaming")
    await publish(nats_server, record(1, text=HOSTILE), record(2, status=502))
    rows = page.locator("#calls tr")
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_contain_text("502")
    await page.get_by_role("button", name="Pause").click()
    await publish(nats_server, record(3))
    await expect(page.locator("#live-state")).to_have_text("paused, 1 new")
    await expect(rows).to_have_count(2)
    await page.get_by_role("button", name="Resume").click()
    await expect(rows).to_have_count(3)
    await rows.last.get_by_role("link").click()
    await expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    await expect(page.locator(".line.changed", has_text="added")).to_be_visible()
    assert "owned" not in await page.title()


async def test_a_filter_is_in_the_address(desk, nats_server):
    page = await desk.signed_in()
    await publish(nats_server, record(1, "/a/"), record(2, "/b/"))
    await page.goto(f"{desk.address}/logs?router=/a/")
    await expect(page.locator("#live-state")).to_have_text("streaming")
    await publish(nats_server, record(3, "/b/"), record(4, "/a/"))
    await expect(page.locator("#calls tr")).to_have_count(2)
    await page.get_by_label("Status").select_option("error")
    await page.wait_for_url("**/logs?router=%2Fa%2F&model=&client=&status=error")
    await expect(page.locator("#no-calls")).to_be_visible()


async def test_a_first_client_key(desk):
    page = await desk.signed_in()
    await page.get_by_role("link", name="Client keys").first.click()
    await page.get_by_label("Name").fill("my laptop")
    await page.get_by_label("Budget").fill("20/month")
    await page.get_by_role("button", name="Create key").click()
    await expect(page.locator("#secret")).to_contain_text("sk-gl-")
    await expect(page.get_by_text("Store it now")).to_be_visible()
    await page.get_by_role("link", name="my laptop").click()
    await expect(page.get_by_label("Budget")).to_have_value("20/month")
    page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await page.get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("is deleted")).to_be_visible()


async def test_the_theme_is_remembered(desk):
    page = await desk.signed_in(color_scheme="light")
    await expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    await page.get_by_role("button", name="Theme: dark").last.click()
    await expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    await page.goto(f"{desk.address}/system")
    await expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


async def test_the_api_can_be_tried_out(desk):
    page = await desk.signed_in()
    await page.goto(f"{desk.address}/swagger")
    await page.locator("#operations-me-me").click()
    await page.get_by_role("button", name="Try it out").click()
    await page.get_by_role("button", name="Execute").click()
    await expect(page.locator(".live-responses-table").first).to_contain_text('"admin"')


async def test_without_scripts_everything_but_what_is_live_works(desk, nats_server):
    page = await desk.signed_in(java_script_enabled=False)
    await publish(nats_server, record(1))
    for path in (
        "/mainmenu",
        "/history",
        "/usage",
        "/logs",
        "/logs/GECHO001_1",
        "/keys",
        "/users",
        "/audit",
        "/system",
    ):
        response = await page.goto(desk.address + path)
        assert response.status == 200, path
    await page.goto(f"{desk.address}/users")
    await page.get_by_label("Name").first.fill("vera")
    await page.get_by_role("button", name="Create user").click()
    await expect(page.locator("#secret")).to_be_visible()


async def test_it_can_be_used_by_keyboard(desk):
    page = await desk.signed_in(viewport={"width": 390, "height": 800})
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator(".menu-small")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator(".menu-small")).to_be_hidden()


async def test_a_session_that_has_ended_leads_to_the_sign_in_and_back(desk):
    page = await desk.signed_in()
    await page.context.clear_cookies()
    await page.goto(f"{desk.address}/logs?router=/a/")
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await page.get_by_label("Password", exact=True).fill("wrong password")
    desk.errors.clear()
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("#login-status")).to_contain_text("wrong")
    desk.errors.clear()  # the browser reports the status 400 of the page
    await page.get_by_label("Password", exact=True).fill(SECRET)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/logs?router=/a/")
