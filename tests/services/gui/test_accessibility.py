"""Every page in a real browser: no serious finding of axe, no error in the console, and not too heavy to load."""

import asyncio
import json
import os
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import async_playwright

from tests.services.gui.test_browser import CHROMIUM, QUIET, WITHOUT, publish, record
from tests.support.gui import CONF, SECRET
from tests.support.gui_pages import addresses

pytestmark = [pytest.mark.skipif(not CHROMIUM.exists(), reason=WITHOUT), pytest.mark.slow, pytest.mark.timeout(480)]

MOST_MEMORY = 110 * 1024 * 1024
HEAVIEST = 150 * 1024  # bytes that a page and all its files take on the wire
PROVIDER = {"name": "local", "dialect": "dummy", "url": "http://127.0.0.1:1/v1", "models": ["dummy"]}
FOREIGN = {"/swagger"}  # Swagger UI is heavy, and has findings of its own
SERIOUS = {"serious", "critical"}
SHOTS = Path(os.environ["GUI_SHOTS"]) if "GUI_SHOTS" in os.environ else None
"""A folder for pictures of all pages, to look at."""


@pytest.fixture
async def site(nats_server, start_gui, free_port, home):
    """An address and the pages of an interface that has something to show on each of them."""
    (home / "conf").mkdir(parents=True)
    for file in filter(Path.is_file, CONF.iterdir()):
        (home / "conf" / file.name).write_bytes(file.read_bytes())
    value = json.loads((home / "conf" / "gl_config.json").read_text("utf-8"))
    value["service_bus"] |= {"hostname": nats_server.hostname, "token": nats_server.token}
    value["service_bus"].pop("user", None)
    value["providers"] = [PROVIDER, *value.get("providers", [])]
    (home / "conf" / "gl_config.json").write_text(json.dumps(value, indent=2), "utf-8")
    process = await asyncio.to_thread(start_gui, bus=nats_server.hostname, token=nats_server.token)
    await process.logged("bus connected")
    await publish(nats_server, *(record(number, status=200 if number % 3 else 502) for number in range(1, 9)))
    return f"http://127.0.0.1:{free_port}", process


async def prepared(page, address):
    """Sign in, and make a client key and a secret; returns the addresses of all pages."""
    await page.goto(f"{address}/login")
    await page.get_by_label("Password", exact=True).fill(SECRET)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(f"{address}/mainmenu")
    await page.goto(f"{address}/keys")
    await page.get_by_label("Name").fill("my laptop")
    await page.get_by_role("button", name="Create key").click()
    key = await page.get_by_role("link", name="my laptop").get_attribute("href")
    await page.goto(f"{address}/secrets")
    await page.get_by_label("Name").fill("OPENAI")
    await page.get_by_label("Secret", exact=True).fill("sk-hidden")
    await page.get_by_label("May be sent to").fill("api.openai.com")
    await page.get_by_role("button", name="Store").click()
    return addresses(key=key.rpartition("/")[2], provider="local")


WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


async def weight(page):
    """What the page took on the wire: itself and all its files, with their headers."""
    return await page.evaluate(
        "performance.getEntries().filter((one) => one.transferSize !== undefined)"
        ".reduce((sum, one) => sum + (one.transferSize || one.encodedBodySize), 0)"
    )


async def looked_at(site, *views):
    """Visit every page in these views (colour scheme, width); returns what is wrong with them."""
    address, process = site
    wrong, axe = [], Axe()
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET])
        first = await chromium.new_context()
        pages = await prepared(await first.new_page(), address)
        for scheme, width in views:
            context = await chromium.new_context(
                color_scheme=scheme, viewport={"width": width, "height": 900}, storage_state=await first.storage_state()
            )
            page = await context.new_page()
            page.set_default_timeout(60_000)
            page.on("pageerror", lambda error, view=(scheme, width): wrong.append((view, str(error))))
            for path in pages:
                await page.goto(address + path)
                found = await axe.run(page, options={"resultTypes": ["violations"], "iframes": False})
                if path not in FOREIGN:
                    wrong.extend((scheme, width, path, one) for one in serious(found))
                if (size := await weight(page)) > HEAVIEST and path not in FOREIGN:
                    wrong.append((scheme, width, path, f"{size} bytes"))
                if (wide := await page.evaluate(WIDER)) > 0:
                    wrong.append((scheme, width, path, f"{wide} pixels too wide"))
                if SHOTS is not None:
                    name = path.strip("/").replace("/", "_").replace("?", "_").split("=")[0] or "root"
                    await page.screenshot(path=SHOTS / f"{name}-{scheme}-{width}.png", full_page=True)
            await context.close()
        await chromium.close()
    if (resident := resident_bytes(process.pid)) > MOST_MEMORY:
        wrong.append(f"{resident} bytes of memory")
    return wrong


def resident_bytes(pid):
    """The memory of a process that is not swapped out."""
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def serious(found):
    """The findings of axe that keep somebody from using a page, with the places."""
    for one in found.response["violations"]:
        if one["impact"] in SERIOUS:
            places = "; ".join(
                f"{node['target'][0]}: {node['failureSummary'].splitlines()[-1].strip()}" for node in one["nodes"][:3]
            )
            yield f"{one['id']} ({len(one['nodes'])}): {places}"


@pytest.mark.soak  # a minute and a half; `test_browser.py` visits the pages of the navigation in each run
async def test_every_page(site):
    """On a small screen, in light colours."""
    wrong = await looked_at(site, ("light", 390))
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_every_page_in_all_views(site):
    """Also on a large screen, and in dark colours."""
    wrong = await looked_at(site, ("dark", 1440), ("light", 1440), ("dark", 390), ("light", 390))
    assert not wrong, "\n".join(map(str, wrong))
