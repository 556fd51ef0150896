"""What a call reserves before it is sent, and the estimate of what it has used if its provider does not tell. Pure."""

from __future__ import annotations

from typing import NamedTuple

from gecholog.quota.holds import NOTHING, Held

_ATTO_IN_NANO = 10**9


class TokenRates(NamedTuple):
    """The highest price of a token among the candidates of a call, in atto-USD (10^-18 USD).

    `piece` is that of a request with one image, as far as these are sold.
    """

    input: int = 0
    output: int = 0
    piece: int = 0


FREE = TokenRates()


class Reservation(NamedTuple):
    """What a call holds, and how that was computed. `prompt_tokens` are estimated, `pieces` is how many it may sell."""

    held: Held = NOTHING
    prompt_tokens: int = 0
    rates: TokenRates = FREE
    pieces: int = 0


NO_RESERVATION = Reservation()


def reservation_of(prompt_tokens: int, output_tokens: int, rates: TokenRates = FREE, pieces: int = 0) -> Reservation:
    """Reserve for a prompt and the longest answer to it, with so many pieces."""
    return Reservation(_priced(prompt_tokens, output_tokens, rates, pieces), prompt_tokens, rates, pieces)


def estimated(reservation: Reservation, output_tokens: int) -> Held:
    """What a call has probably used whose answer has so many tokens, by an estimate."""
    return _priced(reservation.prompt_tokens, output_tokens, reservation.rates, reservation.pieces)


def nano_of_atto(atto: int) -> int:
    """Atto-USD as nano-USD, rounded up."""
    return -(-atto // _ATTO_IN_NANO)


def _priced(prompt_tokens: int, output_tokens: int, rates: TokenRates, pieces: int) -> Held:
    if rates is FREE:
        return Held(0, prompt_tokens + output_tokens)
    cost = prompt_tokens * rates.input + output_tokens * rates.output + pieces * rates.piece
    return Held(0, prompt_tokens + output_tokens, nano_of_atto(cost))
