"""What a call reserves before it is sent, and the estimate of what it has used if its provider does not tell. Pure."""

from __future__ import annotations

from typing import NamedTuple

from gecholog.quota.holds import NOTHING, Held

_ATTO_IN_NANO = 10**9


class TokenRates(NamedTuple):
    """The highest price of a token among the candidates of a call, in atto-USD (10^-18 USD)."""

    input: int = 0
    output: int = 0


FREE = TokenRates()


class Reservation(NamedTuple):
    """What a call holds, and how that was computed. `prompt_tokens` are estimated."""

    held: Held = NOTHING
    prompt_tokens: int = 0
    rates: TokenRates = FREE


NO_RESERVATION = Reservation()


def reservation_of(prompt_tokens: int, output_tokens: int, rates: TokenRates = FREE) -> Reservation:
    """Reserve for a prompt and the longest answer to it."""
    return Reservation(_priced(prompt_tokens, output_tokens, rates), prompt_tokens, rates)


def estimated(reservation: Reservation, output_tokens: int) -> Held:
    """What a call has probably used whose answer has so many tokens, by an estimate."""
    return _priced(reservation.prompt_tokens, output_tokens, reservation.rates)


def nano_of_atto(atto: int) -> int:
    """Atto-USD as nano-USD, rounded up."""
    return -(-atto // _ATTO_IN_NANO)


def _priced(prompt_tokens: int, output_tokens: int, rates: TokenRates) -> Held:
    if rates is FREE:
        return Held(0, prompt_tokens + output_tokens)
    cost = prompt_tokens * rates.input + output_tokens * rates.output
    return Held(0, prompt_tokens + output_tokens, nano_of_atto(cost))
