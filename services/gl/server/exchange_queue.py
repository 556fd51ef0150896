"""The exchanges of one connection: responses leave in the order of their requests (RFC 9112, section 9.3.2). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.gl.server.request_reader import MOST_QUEUED

if TYPE_CHECKING:
    from services.gl.errors import Refusal
    from services.gl.server.exchange import Exchange


class ExchangeQueue:
    """The exchange being answered, those that wait behind it, and the one whose request is arriving."""

    def __init__(self) -> None:
        self.current: Exchange | None = None
        self.arriving: Exchange | None = None
        self.waiting: list[Exchange] = []  # few; an empty deque takes 700 bytes of every connection

    @property
    def is_full(self) -> bool:
        """Whether no more requests are read until one has been answered."""
        return len(self.waiting) >= MOST_QUEUED

    @property
    def unasked_bytes(self) -> int:
        """Bytes that have arrived of bodies that the gateway has not asked for."""
        if self.arriving is not None and self.arriving is self.current:  # nothing can be behind it
            return self.arriving.request_body.received
        return sum([exchange.request_body.received for exchange in self.waiting])

    def add(self, exchange: Exchange) -> bool:
        """Add an exchange whose head has arrived. Returns whether it is its turn."""
        self.arriving = exchange
        if self.current is None:
            self.current = exchange
            return True
        self.waiting.append(exchange)
        return False

    def next(self) -> Exchange:
        """Make the first exchange that waits the current one."""
        self.current = exchange = self.waiting.pop(0)
        return exchange

    def drop_arriving(self, refusal: Refusal) -> None:
        """The rest of the arriving request cannot be read. If it waits, it gets no response of its own."""
        exchange, self.arriving = self.arriving, None
        if exchange is None:
            return
        if exchange is self.current:
            exchange.request_body.refuse(refusal)
        elif exchange in self.waiting:
            self.waiting.remove(exchange)

    def cancel(self) -> None:
        """The client has gone: cancel the work on all exchanges, and release them."""
        exchanges = (self.current, *self.waiting)
        self.current = self.arriving = None
        self.waiting.clear()
        for exchange in exchanges:
            if exchange is not None:
                exchange.client_disconnected()
