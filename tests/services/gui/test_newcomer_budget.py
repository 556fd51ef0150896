"""A newcomer gives away a key with a budget: from the tutorial to the call that is refused, in a browser."""

import asyncio
import json
import os
import re
import time

import pytest
from playwright.async_api import async_playwright, expect

from tests.services.gui.test_browser import CHROMIUM, QUIET, WITHOUT
from tests.support.gui import SECRET
from tests.support.waiting import DEADLINE, eventually
from tests.system.conftest import UP, Default

pytestmark = [
    pytest.mark.soak,  # a whole appliance; the steps have tests of their own
    pytest.mark.timeout(540),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=WITHOUT),
]

MODEL = "gpt-4o"
MOST_TOKENS = 20  # of an answer: what is reserved for it
BUDGET = "0.001/day"  # USD: some such calls
MOST_CALLS = 60


@pytest.fixture
async def appliance(tmp_path):
    """The whole appliance, with the dummy LLM in place of OpenAI."""
    made = Default(tmp_path / "app")
    try:
        target = {"OPENAI_BASE_URL": f"http://127.0.0.1:{made.dummy_port}/v1", "OPENAI_API_KEY": "none"}
        made.start(*UP, GUI_SECRET=SECRET, GECHOLOG_LISTEN="127.0.0.1", **target)
        serving = made.folder / "checksum" / ".gui_config.sha256"
        await eventually(serving.exists, "the interface serves", seconds=4 * DEADLINE)
        yield made
    finally:
        made.close()


@pytest.fixture
async def page(appliance):
    """A page in which admin is signed in; at the end it must have had no complaints."""
    complaints = []
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET])
        context = await chromium.new_context(
            base_url=f"http://localhost:{appliance.gui_port}", viewport={"width": 1440, "height": 900}
        )
        page = await context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto("/login")
        await page.get_by_label("Password", exact=True).fill(SECRET)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url("**/mainmenu")
        yield page
        await chromium.close()
    assert complaints == []


async def run(code):
    """Run a call that a page shows in a shell; returns the status and the body."""
    words = code.replace("curl", "curl -sS -w '\\n%{http_code}'", 1)
    shell = await asyncio.create_subprocess_exec(
        "sh", "-c", words, env={"PATH": os.environ["PATH"]}, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(shell.communicate(), DEADLINE)
    body, _, status = output.decode().rpartition("\n")
    return int(status), json.loads(body)


async def test_a_key_with_a_budget_until_it_is_used_up(page):
    await page.goto("/tutorials")
    tutorial = page.get_by_role("listitem").filter(has_text="First client key with a budget")
    await tutorial.get_by_role("link", name="Start").click()
    panel = page.get_by_role("region", name="Tutorial")
    await panel.get_by_role("link", name="Next").click()
    await page.get_by_label("Name").fill("my laptop")
    await page.get_by_label("Budget").fill(BUDGET)
    await page.get_by_role("button", name="Create key").click()
    code = await page.locator("#snippet-1").inner_text()

    await expect(page.locator(".secret")).to_contain_text("name another model in these calls")

    status, answer = await run(code)  # as it stands there
    assert (status, answer["error"]["code"]) == (403, "price_unknown")
    paid = code.replace('"dummy"', f'"{MODEL}", "max_tokens": {MOST_TOKENS}')
    assert paid != code
    status, answer = await run(paid)
    assert (status, answer.get("model")) == (200, MODEL), answer

    await panel.get_by_role("link", name="Next").click()
    await panel.get_by_role("link", name="Next").click()
    await expect(panel).to_contain_text("Seen:", timeout=60_000)
    await panel.get_by_role("button", name="Stop").click()

    await page.goto("/logs")
    row = page.locator("#calls tr", has_text=MODEL).first
    await expect(row).to_contain_text("my laptop")
    await expect(row).to_contain_text("$0.")
    await _until_shown(page, "/history?range=1h", MODEL)
    await page.locator("tbody tr", has_text=MODEL).first.get_by_role("link").click()
    await expect(page.get_by_role("heading", name="Usage and cost")).to_be_visible()
    await page.goto("/usage?range=24h&by=client")
    await expect(page.locator("tbody tr", has_text="my laptop")).to_contain_text("$0.")

    await page.goto("/keys")
    used = page.locator("tbody tr", has_text="my laptop").locator(".use-line")
    await expect(used).to_contain_text("of $0.001")
    assert not re.match(r"\$0\.00 ", await used.inner_text()), await used.inner_text()

    for _ in range(MOST_CALLS):
        status, answer = await run(paid)
        if status != 200:
            break
    assert status == 429
    assert answer["error"]["code"] == "budget_exceeded"
    assert "budget" in answer["error"]["message"]

    await page.goto("/logs?status=error")
    await expect(page.locator("#calls tr").first).to_contain_text("429")
    await page.goto("/keys")
    await page.get_by_role("link", name="my laptop").click()
    await expect(page.get_by_text("also before the bar is full")).to_be_visible()
    await _until_shown(page, "/mainmenu?range=1h", "gl refused the call: quota, budget")
    await page.goto("/usage?range=24h&by=client")
    await expect(page.locator("tbody tr", has_text="my laptop")).to_contain_text("$0.000")


async def _until_shown(page, address, text):
    """Load a page until a row of its table has a text: the ledger has calls some seconds after their end."""
    end = time.monotonic() + 2 * DEADLINE
    while not await page.goto(address) or not await page.locator("tbody tr", has_text=text).count():
        assert time.monotonic() < end, f"no row of {address} has {text}"
        await asyncio.sleep(0.5)
