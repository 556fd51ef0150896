"""Requests in the dialect of a provider, with images of which the client sent only URLs."""

import asyncio
import copy
import json
from dataclasses import replace

import pytest

from gecholog.llm.chat_dialect import FetchedImage
from services.gl.bodies.client_body import ClientBody
from services.gl.candidates.candidate import Candidate
from services.gl.errors import Refusal
from services.gl.images.rule import ImageRule
from services.gl.models.endpoint import endpoint_of
from services.gl.translation.translated_request import translate_request
from tests.services.gl.rig.stage import built, call_of

URLS = ("https://images.example.com/a.png", "https://images.example.com/b.png")
PUBLIC = ImageRule.of("public")
PROVIDERS = [
    {"name": "claude", "dialect": "anthropic", "url": "http://127.0.0.1:1", "api_key": "k"},
    {"name": "gem", "dialect": "gemini", "url": "http://127.0.0.1:1", "api_key": "k"},
    {"name": "llama", "dialect": "ollama", "url": "http://127.0.0.1:1"},
]
ROUTER = {"path": "/v1/", "outbound": {"models": ["*"]}}


class Images:
    """Has all images, or raises an error. `asked` is what was wanted, `waits` says that nothing comes."""

    def __init__(self, error=None, waits=False):
        self.asked = []
        self._error = error
        self._waits = waits

    async def fetch(self, urls, rule):
        self.asked.append((tuple(urls), rule))
        if self._waits:
            await asyncio.Event().wait()
        if self._error is not None:
            raise self._error
        return {url: FetchedImage(f"data of {url[-5]}", "image/png") for url in urls}


@pytest.fixture(scope="module")
def config():
    return built([ROUTER], providers=PROVIDERS, models=[])


def asked(config, *urls):
    """A call that shows images to a model."""
    parts = [{"type": "text", "text": "What is this?"}]
    parts += [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    call = call_of(config=config, path="/v1/")
    body = {"model": "m", "messages": [{"role": "user", "content": parts}]}
    call.client_body = ClientBody(json.dumps(body).encode(), "application/json")
    return call


def candidate(config, provider, rule):
    router = replace(config.provider_routers["/v1/", provider], fetch_images=rule)
    return Candidate(router, config.models.providers[provider], "m", endpoint_of("POST", "chat/completions"))


async def sent(call, target, images):
    await translate_request(call, target, images)
    return json.loads(call.translated[target.key].body)


async def test_for_gemini(config):
    """The bytes are in the request, each once."""
    images = Images()
    body = await sent(asked(config, *URLS, URLS[0]), candidate(config, "gem", PUBLIC), images)
    assert [part["inlineData"]["data"] for part in body["contents"][0]["parts"][1:]] == [
        "data of a",
        "data of b",
        "data of a",
    ]
    assert images.asked == [(URLS, PUBLIC)]


async def test_for_ollama(config):
    """Here as well."""
    body = await sent(asked(config, *URLS), candidate(config, "llama", PUBLIC), Images())
    assert body["messages"][0]["images"] == ["data of a", "data of b"]


async def test_not_needed(config):
    """A provider that takes URLs gets them; a request without images asks for none."""
    images = Images()
    body = await sent(asked(config, *URLS), candidate(config, "claude", PUBLIC), images)
    assert body["messages"][0]["content"][1]["source"] == {"type": "url", "url": URLS[0]}
    data = "data:image/png;base64,aGk="
    assert await sent(asked(config, data), candidate(config, "gem", PUBLIC), images)
    assert images.asked == []


async def test_off(config):
    """Without the option the error names it."""
    images = Images()
    with pytest.raises(Refusal, match="fetch_images") as caught:
        await translate_request(asked(config, *URLS), candidate(config, "gem", ImageRule()), images)
    assert (caught.value.detail.status, caught.value.detail.code) == (400, "unsupported_parameter")
    assert images.asked == []


async def test_an_image_that_cannot_be_had(config):
    """The error is that of the image."""
    call = asked(config, *URLS)
    with pytest.raises(Refusal, match="not to be had"):
        await translate_request(call, candidate(config, "gem", PUBLIC), Images(Refusal(400, "not to be had")))
    assert call.translated == {}


async def test_no_time(config):
    """The time for all attempts is the time for images as well."""
    call = asked(config, *URLS)
    call.deadline = asyncio.get_running_loop().time()
    with pytest.raises(Refusal, match="in time") as caught:
        await translate_request(call, candidate(config, "gem", PUBLIC), Images(waits=True))
    assert caught.value.status == 504


def test_through_a_gateway(run_gateway):
    """The option is read from the config, also on a reload. This machine is never asked."""
    gateway = run_gateway([ROUTER | {"ingress": {"headers": {}}}], providers=PROVIDERS, models=[])

    def message(url):
        content = [{"type": "image_url", "image_url": {"url": url}}]
        body = {"model": "gem/m", "messages": [{"role": "user", "content": content}]}
        reply = gateway.call(
            "POST", "/v1/chat/completions", {"Content-Type": "application/json"}, json.dumps(body).encode()
        )
        assert reply.status == 400
        return reply.json()["error"]["message"]

    assert "option fetch_images" in message("http://localhost/a.png")
    values = copy.deepcopy(gateway.values)
    values["routers"][0]["outbound"]["fetch_images"] = "public"
    gateway.reload(values)
    assert "cannot be reached at a public address" in message("http://localhost/a.png")
    assert "port 80 or 443" in message("http://localhost:8080/a.png")
    values["routers"][0]["outbound"]["fetch_images"] = ["images.example.com"]
    gateway.reload(values)
    assert "not in the list of hosts" in message("http://localhost/a.png")
