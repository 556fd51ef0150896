"""What calls cost: exactly, and nothing where that is not known."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm.cost import cost_of, cost_text
from gecholog.llm.price import ATTO_USD, TOKENS, UNIT, Price, price_of
from gecholog.llm.usage import Usage
from gecholog.llm.usage_shapes import TokenDetails

NUMBERS = st.none() | st.integers(0, 10**9)
DETAILS = st.builds(TokenDetails, *[NUMBERS] * len(TokenDetails._fields))
USAGES = st.builds(
    Usage,
    prompt_tokens=NUMBERS,
    completion_tokens=NUMBERS,
    cached_tokens=NUMBERS,
    cache_creation_tokens=NUMBERS,
    reasoning_tokens=NUMBERS,
    details=DETAILS,
)


def price(**fields) -> Price:
    return price_of({"provider": "v", "models": ["m"], "unit": UNIT, **fields})


PLAIN = price(input="2.50", output="10")
FULL = price(
    input="3",
    output="15",
    cached_input="0.3",
    cache_creation="3.75",
    cache_creation_1h="6",
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
        (
            Usage(
                prompt_tokens=1000, cache_creation_tokens=300, details=TokenDetails(cache_creation_1h=100)
            ),  # 700 * 3 + 200 * 3.75 + 100 * 6
            FULL,
            "0.00345",
        ),
        (Usage(prompt_tokens=100, completion_tokens=100, reasoning_tokens=40), FULL, "0.002"),
        (
            Usage(
                prompt_tokens=100, completion_tokens=50, details=TokenDetails(audio_input=60, audio_output=30)
            ),  # 40 * 3 + 60 * 100 + 20 * 15 + 30 * 200
            FULL,
            "0.01242",
        ),
        (Usage(prompt_tokens=100, cached_tokens=400), FULL, "0.00003"),
        (Usage(prompt_tokens=7), price(input="0.02"), "0.00000014"),
        (Usage(prompt_tokens=1), price(input="0.000000000001"), "0.000000000000000001"),
        (Usage(prompt_tokens=0, completion_tokens=0), PLAIN, "0"),
    ],
)
def test_costs(usage: Usage, prices: Price, cost: str) -> None:
    found = cost_of(prices, usage)
    assert found is not None
    assert cost_text(found) == cost


@pytest.mark.parametrize(
    ("usage", "prices"),
    [
        (None, PLAIN),
        (Usage(), PLAIN),
        (Usage(prompt_tokens=1, completion_tokens=1), price(input="1")),
        (Usage(prompt_tokens=1), price(output="1")),
        (Usage(prompt_tokens=1), price()),
        # an hour in the cache is dearer than five minutes, and nobody knows by how much
        (
            Usage(prompt_tokens=9, cache_creation_tokens=9, details=TokenDetails(cache_creation_1h=9)),
            price(input="1", cache_creation="2"),
        ),
        # tokens of text or of images: nothing tells
        (Usage(prompt_tokens=1, completion_tokens=1), price(input="1", output="2", image_output="30")),
    ],
)
def test_what_has_no_price_has_no_cost(usage: Usage | None, prices: Price) -> None:
    assert cost_of(prices, usage) is None


def test_pictures() -> None:
    """Tokens of images cost what they do, if the answer tells them apart."""
    prices = price(input="1", output="2", image_output="30")
    usage = Usage(prompt_tokens=10, completion_tokens=100, details=TokenDetails(image_output=90))
    assert cost_of(prices, usage) == Decimal("0.00273") * ATTO_USD
    usage = Usage(prompt_tokens=10, completion_tokens=100, details=TokenDetails(image_output=0))
    assert cost_of(prices, usage) == Decimal("0.00021") * ATTO_USD


def test_images_and_requests() -> None:
    """A price for each image or request counts beside that of tokens, or without one."""
    by_image = price(per_image="0.04", per_request="0.001")
    assert cost_of(by_image, None, images=2) == Decimal("0.081") * ATTO_USD
    assert cost_of(by_image, Usage(prompt_tokens=5), images=0) == Decimal("0.001") * ATTO_USD
    assert cost_of(by_image, None) is None
    both = price(input="2", per_request="0.01")
    assert cost_of(both, Usage(prompt_tokens=1000)) == Decimal("0.012") * ATTO_USD
    assert cost_of(both, None) is None


def test_a_tier_is_for_all_tokens_of_a_request() -> None:
    tiered = price(input="3", output="15", tiers=[{"above": 200_000, "input": "6", "output": "30"}])
    usages = [Usage(prompt_tokens=prompt, completion_tokens=1000) for prompt in (200_000, 200_001)]
    assert [cost_of(tiered, usage) for usage in usages] == [
        Decimal("0.615") * ATTO_USD,
        Decimal("1.230006") * ATTO_USD,
    ]


@given(USAGES)
def test_each_token_is_paid_once(usage: Usage) -> None:
    """With one price for all, the cost is that of prompt and completion, whatever they consist of."""
    found = cost_of(price(**dict.fromkeys(TOKENS, "1")), usage)
    if usage.prompt_tokens is None and usage.completion_tokens is None:
        assert found is None
    else:
        assert found == ((usage.prompt_tokens or 0) + (usage.completion_tokens or 0)) * ATTO_USD // 1_000_000


@given(USAGES, st.lists(st.decimals(0, 10_000, places=12), min_size=len(TOKENS), max_size=len(TOKENS)))
def test_no_digit_is_lost(usage: Usage, amounts: list[Decimal]) -> None:
    """The same in decimals, computed from the definition of each kind of tokens."""
    rates = dict(zip(TOKENS, amounts, strict=True))
    found = cost_of(price(**{name: f"{amount:f}" for name, amount in rates.items()}), usage)
    if found is None:
        return
    details, total = usage.details, Decimal(0)
    for whole, rest, parts in (
        (
            usage.prompt_tokens or 0,
            "input",
            {
                "cached_input": usage.cached_tokens,
                "cache_creation": usage.cache_creation_tokens,
                "audio_input": details.audio_input,
                "image_input": details.image_input,
                "video_input": details.video_input,
            },
        ),
        (
            usage.completion_tokens or 0,
            "output",
            {
                "reasoning": usage.reasoning_tokens,
                "audio_output": details.audio_output,
                "image_output": details.image_output,
                "video_output": details.video_output,
            },
        ),
    ):
        left = whole
        for kind, count in parts.items():
            size = min(count or 0, left)
            left -= size
            longer = min(details.cache_creation_1h or 0, size) if kind == "cache_creation" else 0
            total += (size - longer) * rates[kind] + longer * rates["cache_creation_1h"]
        total += left * rates[rest]
    assert Decimal(cost_text(found)) == total / 1_000_000


@given(st.integers(0, 10**30))
def test_the_text_of_a_cost_is_the_same_number(cost: int) -> None:
    text = cost_text(cost)
    assert Decimal(text).scaleb(18) == cost
    assert "E" not in text
