"""What the tokens, images and requests of a call cost. Exact integers in atto-USD, never floats. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog.llm.price import ATTO_USD

if TYPE_CHECKING:
    from gecholog.llm.price import Price
    from gecholog.llm.usage import Usage

_DIGITS = 18  # of a fraction of an USD


def cost_of(price: Price, usage: Usage | None, images: int | None = None) -> int | None:
    """The cost of a call in atto-USD (10^-18 USD); None if it is not known: nothing is guessed.

    `usage` is None if the answer reports none, and `images` if it was not counted how many images the answer has. The
    cost is not known if tokens are sold and not reported, or have no price.
    """
    total = price.per_request or 0
    if price.per_image is not None:
        if images is None:
            return None
        total += images * price.per_image
    if not price.sells_tokens:
        return total if price.is_known else None
    if usage is None or (usage.prompt_tokens is None and usage.completion_tokens is None):
        return None
    tokens = _cost_of_tokens(price, usage)
    return None if tokens is None else total + tokens


def cost_text(cost: int) -> str:
    """A cost in atto-USD as a decimal text in USD, without zeros at its end."""
    whole, fraction = divmod(cost, ATTO_USD)
    return f"{whole}.{fraction:0{_DIGITS}}".rstrip("0").rstrip(".")


def _cost_of_tokens(price: Price, usage: Usage) -> int | None:
    """The cost of all tokens. The tier is that of all input tokens."""
    rates, total = price.rates(usage.prompt_tokens or 0), 0
    if usage.details.image_output is None and price.sells_pictures:  # text or pictures: the answer does not tell
        return None
    for kind, tokens in _kinds(usage).items():
        if tokens:
            if kind not in rates:
                return None
            total += tokens * rates[kind]
    return total


def _kinds(usage: Usage) -> dict[str, int]:
    """The tokens by the kinds of TOKENS, each token once."""
    details = usage.details
    text_in, cached, created, sound_in, image_in, video_in = _parts(
        usage.prompt_tokens or 0,
        usage.cached_tokens,
        usage.cache_creation_tokens,
        details.audio_input,
        details.image_input,
        details.video_input,
    )
    text_out, reasoning, sound_out, image_out, video_out = _parts(
        usage.completion_tokens or 0,
        usage.reasoning_tokens,
        details.audio_output,
        details.image_output,
        details.video_output,
    )
    usual, for_1h = _parts(created, details.cache_creation_1h)
    return {
        "input": text_in,
        "output": text_out,
        "cached_input": cached,
        "cache_creation": usual,
        "cache_creation_1h": for_1h,
        "reasoning": reasoning,
        "audio_input": sound_in,
        "audio_output": sound_out,
        "image_input": image_in,
        "image_output": image_out,
        "video_input": video_in,
        "video_output": video_out,
    }


def _parts(whole: int, *parts: int | None) -> list[int]:
    """The rest of a whole, and its parts. Some providers report parts that are larger than the whole."""
    found = [whole]
    for part in parts:
        size = min(part or 0, found[0])
        found[0] -= size
        found.append(size)
    return found
