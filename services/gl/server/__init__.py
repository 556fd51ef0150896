"""The server: callers' connections, HTTP/1.1 in and out.

`Listener` accepts, `Connection` speaks HTTP with one caller (httptools, the llhttp parser), `Exchange` is one request
and its reply. Written for the gateway because what servers at hand do by themselves (adding headers, answering with
pages that quote the bad line, decoding, waiting without end for a request's head) has no place in front of keys.
"""

from services.gl.server.exchange import Exchange
from services.gl.server.listener import Listener

__all__ = ["Exchange", "Listener"]
