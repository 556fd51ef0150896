"""The server: client connections, HTTP/1.1 in and out.

`Listener` accepts, `ClientConnection` speaks HTTP with one client (httptools, the llhttp parser), `Exchange` is one
request and its response. gl has a server of its own because of what others do: they add headers, answer with pages that
quote the bad line, decode bodies, or wait without end for the head of a request. None of that may happen in front of
API keys.
"""

from services.gl.server.exchange import Exchange
from services.gl.server.listener import Listener

__all__ = ["Exchange", "Listener"]
