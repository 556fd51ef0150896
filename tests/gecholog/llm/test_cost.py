from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm.cost import cost_of, cost_text
from gecholog.llm.price_table import Price, Tier
from gecholog.llm.usage import Usage

TOKENS = st.none() | st.integers(0, 10**9)


def price(**prices: str) -> Price:
    return Price("v", ("m",), None, {name: Decimal(text) for name, text in prices.items()})


PLAIN = price(input="2.50", output="10")
FULL = price(
    input="3",
    output="15",
    cached_input="0.3",
    cache_creation="3.75",
    reasoning="20",
    audio_input="100",
    audio_output="200",
)


@pytest.mark.parametrize(
    ("usage", "prices", "cost"),
    [
        (Usage(prompt_tokens=1000, completion_tokens=100), PLAIN, "0.0035"),
        (Usage(prompt_tokens=1000, completion_tokens=100, cached_tokens=400, reasoning_tokens=50), PLAIN, "0.0035"),
        (
            Usage(prompt_tokens=20055, completion_tokens=510, cached_tokens=18000, cache_creation_tokens=2051),
            FULL,
            "0.02075325",
        ),
        (Usage(prompt_tokens=100, completion_tokens=100, reasoning_tokens=40), FULL, "0.002"),
        (
            Usage(prompt_tokens=100, completion_tokens=50, prompt_audio_tokens=60, completion_audio_tokens=30),
            FULL,
            "0.01242",
        ),
        (Usage(prompt_tokens=100, cached_tokens=400), FULL, "0.00003"),
        (Usage(prompt_tokens=7), price(input="0.02"), "0.00000014"),
        (Usage(prompt_tokens=0, completion_tokens=0), PLAIN, "0"),
    ],
)
def test_costs(usage: Usage, prices: Price, cost: str) -> None:
    found = cost_of(usage, prices)
    assert found is not None
    assert cost_text(found) == cost


@pytest.mark.parametrize(
    ("usage", "prices"),
    [
        (Usage(), PLAIN),
        (Usage(prompt_tokens=1, completion_tokens=1), price(input="1")),
        (Usage(prompt_tokens=1), price(output="1")),
        (Usage(prompt_tokens=1), price()),
    ],
)
def test_what_has_no_price_has_no_cost(usage: Usage, prices: Price) -> None:
    assert cost_of(usage, prices) is None


def test_a_tier_is_for_all_tokens_of_a_request() -> None:
    tiers = (Tier(200_000, {"input": Decimal(6), "output": Decimal(30)}),)
    tiered = Price("v", ("m",), None, {"input": Decimal(3), "output": Decimal(15)}, tiers)
    assert cost_of(Usage(prompt_tokens=200_000, completion_tokens=1000), tiered) == Decimal("0.615")
    assert cost_of(Usage(prompt_tokens=200_001, completion_tokens=1000), tiered) == Decimal("1.230006")


@given(TOKENS, TOKENS, TOKENS, TOKENS, TOKENS)
def test_each_token_is_paid_once(
    prompt: int | None, completion: int | None, cached: int | None, created: int | None, reasoning: int | None
) -> None:
    """With one price for all, the cost is that of prompt and completion, whatever they consist of."""
    usage = Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=cached,
        cache_creation_tokens=created,
        reasoning_tokens=reasoning,
    )
    found = cost_of(
        usage, price(**dict.fromkeys(("input", "output", "cached_input", "cache_creation", "reasoning"), "1"))
    )
    if prompt is None and completion is None:
        assert found is None
    else:
        assert found == Decimal((prompt or 0) + (completion or 0)) / 1_000_000


@given(st.decimals(min_value=0, max_value=10**6, places=10, allow_nan=False))
def test_the_text_of_a_cost_is_the_same_number(cost: Decimal) -> None:
    text = cost_text(cost)
    assert Decimal(text) == cost
    assert "E" not in text
