"""The server: client connections, HTTP/1.1 in and out.

`Listener` accepts connections, `ClientConnection` speaks HTTP with one client (httptools, the llhttp parser), and
`Exchange` is one request and its response. gl has its own server because others add headers, quote malformed requests
in error pages, decode bodies, or wait for a request head without a time limit. A gateway that handles API keys must not
do any of these.
"""

from services.gl.server.exchange import Exchange
from services.gl.server.listener import Listener

__all__ = ["Exchange", "Listener"]
