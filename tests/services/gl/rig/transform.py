"""A transform of bodies for tests."""


class Rewording:
    """Puts one word in place of another, line by line: what of a line has come is held until its end."""

    rewrites = True

    def __init__(self, word: bytes, other: bytes):
        self._word = word
        self._other = other
        self._held = b""

    def feed(self, data: bytes, /) -> bytes:
        *lines, self._held = (self._held + data).split(b"\n")
        return b"".join([line.replace(self._word, self._other) + b"\n" for line in lines])

    def flush(self) -> bytes:
        rest, self._held = self._held, b""
        return rest.replace(self._word, self._other)
