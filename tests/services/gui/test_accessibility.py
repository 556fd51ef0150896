"""Every page in a real browser, in each of its states: no serious finding of axe, no error, and not too heavy to load.

`GUI_SHOTS=folder` writes a picture of each page, to look at.
"""

import asyncio
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import async_playwright

from services.gui.tutorials.catalogue import TUTORIALS
from tests.services.gui.test_browser import CHROMIUM, QUIET, WITHOUT, fill, publish, record
from tests.support.gui import CONF, Browser, new_user
from tests.support.gui_pages import addresses
from tests.support.ledger_calls import made_calls

pytestmark = [pytest.mark.skipif(not CHROMIUM.exists(), reason=WITHOUT), pytest.mark.soak, pytest.mark.timeout(1200)]

MOST_MEMORY = 110 * 1024 * 1024
MOST_WITH_LEDGER = 130 * 1024 * 1024  # SQLAlchemy, and a thread and a cache for each of its connections
HEAVIEST = 150 * 1024  # bytes that a page and all its files take on the wire
PAGE_S = 60  # for one page with its examination: a page that hangs is named, and the others are seen
PROVIDER = {"name": "local", "dialect": "dummy", "url": "http://127.0.0.1:1/v1", "models": ["dummy"]}
HEAVY = {"/swagger"}  # Swagger UI is
SERIOUS = {"serious", "critical"}
SHOTS = Path(os.environ["GUI_SHOTS"]) if "GUI_SHOTS" in os.environ else None
VIEWS = [(scheme, width) for width in (390, 1440) for scheme in ("light", "dark")]
IDS = [f"{scheme}-{width}" for scheme, width in VIEWS]
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
AXE = {"resultTypes": ["violations"], "iframes": False}
LEDGER_PAGES = (
    "/mainmenu?range=7d&model=claude",
    "/mainmenu?model=no-such-model",
    "/history?range=30d&status=failed",
    "/history?range=2w&status=wrong",
    "/history?model=no-such-model",
    "/usage?by=model&measure=tokens",
    "/usage?by=client",
    "/usage?by=tag&measure=calls",
    "/usage?range=24h&model=no-such-model",
)
EMPTY_PAGES = (
    "/logs",
    "/keys",
    "/secrets",
    "/users",
    "/audit",
    "/audit?text=nothing-has-this",
    "/system",
    "/routers",
    "/routers/code",
    "/routers/try",
    "/processors",
    "/providers",
    "/models",
    "/config",
    "/config/gl",
)
NO_PAGES = ("/nothing-is-here", "/config/nothing", "/keys/nothing", "/routers/try?router=/none/", "/logs/none")


@dataclass
class Site:
    """A running interface: its address, its process, the cookies of a visitor, and what the visitor looks at."""

    name: str
    address: str
    process: object
    cookies: dict[str, str]
    paths: list[str] = field(default_factory=list)


@pytest.fixture
def conf(home, nats_server):
    """The shipped config files with a provider, on the bus of the test."""
    (home / "conf").mkdir(parents=True)
    for file in filter(Path.is_file, CONF.iterdir()):
        (home / "conf" / file.name).write_bytes(file.read_bytes())
    value = json.loads((home / "conf" / "gl_config.json").read_text("utf-8"))
    value["service_bus"] |= {"hostname": nats_server.hostname, "token": nats_server.token}
    value["service_bus"].pop("user", None)
    value["providers"] = [PROVIDER, *value.get("providers", [])]
    (home / "conf" / "gl_config.json").write_text(json.dumps(value, indent=2), "utf-8")


@pytest.fixture
async def start_full(conf, nats_server, start_gui, free_port, home):
    """Starts an interface that has something to show on each page; gives it with the browser of its administrator."""

    async def start():
        now = int(time.time()) * 10**6
        calls = sorted(made_calls(400, now - 5 * 86_400_000_000, now), key=lambda call: call.started_us)
        await fill(home, calls)
        process = await asyncio.to_thread(start_gui, bus=nats_server.hostname, token=nats_server.token)
        await process.logged("bus connected")
        await publish(nats_server, *(record(number, status=200 if number % 3 else 502) for number in range(1, 9)))
        admin = Browser(free_port)
        await asyncio.to_thread(admin.sign_in)
        key = await asyncio.to_thread(_prepare, admin)
        good = next(call.id for call in reversed(calls) if call.cost_pico)
        failed = next(call.id for call in reversed(calls) if call.status == 503)
        more = [f"/history/{good}", f"/history/{failed}", *LEDGER_PAGES, *NO_PAGES, *_tutorial_pages()]
        paths = [*addresses(key=key, provider="local"), *more]
        return Site("full", f"http://127.0.0.1:{free_port}", process, admin.cookies, paths), admin

    return start


def _prepare(admin):
    """Make a client key and a secret; returns the id of the key."""
    admin.submit("/keys", "/keys", name="my laptop", owner="platform", budget="20/month", rpm="60")
    admin.submit("/secrets", "/secrets", name="OPENAI", value="sk-hidden", hosts="api.openai.com")
    return admin.get("/keys").text.partition("/keys/")[2].partition('"')[0]


def _tutorial_pages():
    for tutorial in TUTORIALS:
        step = tutorial.first
        query = "".join(f"&{name}={value}" for name, value in step.pages[0].query)
        yield f"{step.pages[0].path}?tutorial={step.number}{query}"


@pytest.fixture
async def full(start_full):
    return (await start_full())[0]


@pytest.fixture
async def viewer(start_full):
    """The same, for someone who may only look."""
    site, admin = await start_full()
    site.name, site.cookies = "viewer", (await asyncio.to_thread(new_user, admin, "vera", "viewer")).cookies
    return site


@pytest.fixture
async def bare(start_gui, free_port):
    """An interface without a bus, a ledger, and files of its config."""
    process = await asyncio.to_thread(start_gui)
    admin = Browser(free_port)
    await asyncio.to_thread(admin.sign_in)
    return Site(
        "bare", f"http://127.0.0.1:{free_port}", process, admin.cookies, addresses(key="nothing", provider="local")
    )


@pytest.fixture
async def loading(conf, nats_server, start_gui, free_port, home):
    """A ledger that does not answer: a listener in the place of PostgreSQL, which takes connections and is silent."""
    silent = await asyncio.start_server(lambda *_: asyncio.sleep(3600), "127.0.0.1", 0)
    async with silent:
        port = silent.sockets[0].getsockname()[1]
        _ledger_at(home, f"postgresql://127.0.0.1:{port}/ledger")
        yield await _of_state("loading", nats_server, start_gui, free_port)


@pytest.fixture
async def broken(conf, nats_server, start_gui, free_port, home):
    """A ledger that is no database."""
    (home / "data").mkdir(parents=True)
    (home / "data" / "ledger.db").write_bytes(b"this is no database" * 1000)
    return await _of_state("broken", nats_server, start_gui, free_port)


@pytest.fixture
async def no_ledger(conf, nats_server, start_gui, free_port):
    return await _of_state("no-ledger", nats_server, start_gui, free_port)


@pytest.fixture
async def empty(home, nats_server, start_gui, free_port):
    """A first day: a ledger without calls, and a config with nothing but the bus."""
    await fill(home, [])
    (home / "conf").mkdir(parents=True)
    bus = {"hostname": nats_server.hostname, "token": nats_server.token}
    (home / "conf" / "gl_config.json").write_text(json.dumps({"service_bus": bus}), "utf-8")
    return await _of_state("empty", nats_server, start_gui, free_port, *EMPTY_PAGES)


@pytest.fixture
def in_state(request):
    """The site of the state that a test names."""
    return request.getfixturevalue(request.param)


def _ledger_at(home, url):
    file = home / "conf" / "nats2ledger_config.json"
    value = json.loads(file.read_text("utf-8"))
    value["sql_writer"]["url"] = url
    file.write_text(json.dumps(value), "utf-8")


async def _of_state(name, nats_server, start_gui, free_port, *more):
    """The interface in a state of its ledger, with the pages that show it."""
    process = await asyncio.to_thread(start_gui, bus=nats_server.hostname, token=nats_server.token)
    await process.logged("bus connected")
    admin = Browser(free_port)
    await asyncio.to_thread(admin.sign_in)
    paths = ["/mainmenu", "/history", "/usage", "/history/none", "/logs/none", *more]
    return Site(name, f"http://127.0.0.1:{free_port}", process, admin.cookies, paths)


async def looked_at(site, scheme, width):
    """Visit every page of a site; returns what is wrong with them."""
    wrong = []
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET])
        context = await chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
        await context.add_cookies([{"name": k, "value": v, "url": site.address} for k, v in site.cookies.items()])
        for path in site.paths:
            page = await context.new_page()
            page.on("pageerror", lambda error, path=path, found=wrong: found.append((path, str(error))))
            try:
                async with asyncio.timeout(PAGE_S):
                    wrong += [(path, one) for one in await _findings(page, site, path)]
                    if SHOTS is not None:
                        await page.screenshot(path=SHOTS / f"{_name(site, path)}-{scheme}-{width}.png", full_page=True)
            except TimeoutError:
                wrong.append((path, f"took longer than {PAGE_S} s"))
            await page.close()
        await chromium.close()
    return wrong


async def _without_refresh(route):
    """A page that would load itself again while it is examined."""
    response = await route.fetch()
    text = (await response.text()).replace('http-equiv="refresh"', 'name="refresh"')
    await route.fulfill(status=response.status, content_type="text/html; charset=utf-8", body=text)


async def _findings(page, site, path):
    if site.name == "loading":
        await page.route(site.address + path, _without_refresh)
    await page.goto(site.address + path)
    while await page.locator("meta[http-equiv=refresh]").count():  # it says that it is still adding up
        await page.wait_for_timeout(500)
    await page.wait_for_timeout(200)  # what scripts draw
    found = list(serious(await Axe().run(page, options=AXE)))
    if (size := await weight(page)) > HEAVIEST and path not in HEAVY:
        found.append(f"{size} bytes")
    if (wide := await page.evaluate(WIDER)) > 0:
        found.append(f"{wide} pixels too wide")
    return found


def _name(site, path):
    text = "".join(letter if letter.isalnum() else "_" for letter in path.strip("/"))
    return f"{site.name}-{text[:60] or 'root'}"


async def weight(page):
    """What the page took on the wire: itself and all its files, with their headers."""
    return await page.evaluate(
        "performance.getEntries().filter((one) => one.transferSize !== undefined)"
        ".reduce((sum, one) => sum + (one.transferSize || one.encodedBodySize), 0)"
    )


def serious(found):
    """The findings of axe that keep someone from using a page, with the places."""
    for one in found.response["violations"]:
        if one["impact"] in SERIOUS:
            places = "; ".join(
                f"{node['target'][0]}: {node['failureSummary'].splitlines()[-1].strip()}" for node in one["nodes"][:3]
            )
            yield f"{one['id']} ({len(one['nodes'])}): {places}"


def resident_bytes(pid):
    """The memory of a process that is not swapped out."""
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(("scheme", "width"), VIEWS, ids=IDS)
async def test_every_page(full, scheme, width):
    """`test_browser.py` visits the pages of the navigation in each run."""
    wrong = await looked_at(full, scheme, width)
    if (resident := resident_bytes(full.process.pid)) > MOST_WITH_LEDGER:
        wrong.append(("memory", f"{resident} bytes"))
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize(("scheme", "width"), VIEWS, ids=IDS)
async def test_every_page_of_someone_who_may_only_look(viewer, scheme, width):
    wrong = await looked_at(viewer, scheme, width)
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize(("scheme", "width"), VIEWS, ids=IDS)
async def test_every_page_without_bus_and_ledger(bare, scheme, width):
    wrong = await looked_at(bare, scheme, width)
    if (resident := resident_bytes(bare.process.pid)) > MOST_MEMORY:
        wrong.append(("memory", f"{resident} bytes"))
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize("in_state", ["loading", "broken", "no_ledger", "empty"], indirect=True)
@pytest.mark.parametrize(("scheme", "width"), VIEWS, ids=IDS)
async def test_every_state_of_the_ledger(in_state, scheme, width):
    """What pages show while there are no figures."""
    wrong = await looked_at(in_state, scheme, width)
    assert not wrong, "\n".join(map(str, wrong))
