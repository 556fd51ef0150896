"""The record tells what a call of a provider's model costs, exactly, and nothing where that is not known."""

from decimal import Decimal

import openai
import pytest

from tests.support.waiting import DEADLINE

PRICES = {
    "anthropic/claude-sonnet-4-5": ("3", "15"),
    "gemini/gemini-2.5-flash": ("0.3", "2.5"),
    "openai/gpt-4o": ("2.5", "10"),
}
PROMPT = "What is the price of all these words?"  # of no other test on the same bus


@pytest.fixture(scope="module")
def client(unified):
    url = f"http://127.0.0.1:{unified.port}/v1"
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=DEADLINE) as found:
        yield found


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("model", PRICES)
def test_cost(client, bus, model, streamed):
    messages = [{"role": "user", "content": PROMPT}]
    answer = client.chat.completions.create(model=model, messages=messages, stream=streamed)
    if streamed:
        for _ in answer:
            pass
    record = bus.where(lambda each: each["request"].get("model") == model and PROMPT in str(each["request"]))
    usage, (prompt, completion) = record["usage"], map(Decimal, PRICES[model])
    cost = (usage["prompt_tokens"] * prompt + usage["completion_tokens"] * completion) / 1_000_000
    assert Decimal(record["cost"]["usd"]) == cost > 0
    assert record["cost"]["prices"]


@pytest.mark.parametrize("model", ["ollama/qwen3", "openai/nobody-knows-this"])
def test_what_has_no_price_has_no_cost(client, bus, model):
    client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello"}])
    record = bus.where(lambda each: each["request"].get("model") == model)
    assert record["usage"]["total_tokens"] > 0
    assert "cost" not in record
