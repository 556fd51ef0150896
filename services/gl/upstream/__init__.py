"""The upstream client: sends a request, returns a response whose body is read piece by piece.

`Pool` is the `Upstream` of `services.gl.http`; nothing outside this package knows more of it. It parses with httptools
(llhttp) and keeps its own connections: the HTTP clients that were measured cost several times as much a call, and what
they add (redirects, cookies, decoding, automatic headers) a gateway has to switch off.
"""

from services.gl.upstream.pool import Pool

__all__ = ["Pool"]
