"""Transforms of response bodies between a target and the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.gl.capture import BodyCapture


class BodyTransform(Protocol):
    """Changes a body, which comes in pieces of any size. One is for one body, without content encoding."""

    @property
    def rewrites(self) -> bool:
        """Whether the record tells what comes out from what went in, as `egress_payload` and `inbound_payload`.

        What only leaves out something that gl itself asked for does not: the two are the same.
        """

    def feed(self, data: bytes, /) -> bytes:
        """Take the next piece, and return what may go on: perhaps nothing yet."""

    def flush(self) -> bytes:
        """Return what is left when the body has ended."""


class Chain:
    """Several transforms, each of which takes what the one before it returns."""

    __slots__ = ("_transforms",)

    def __init__(self, transforms: Sequence[BodyTransform]) -> None:
        self._transforms = tuple(transforms)

    @property
    def rewrites(self) -> bool:
        return any(transform.rewrites for transform in self._transforms)

    def feed(self, data: bytes, /) -> bytes:
        for transform in self._transforms:
            data = transform.feed(data)
        return data

    def flush(self) -> bytes:
        data = b""
        for transform in self._transforms:
            data = transform.feed(data) + transform.flush()
        return data


class CaptureTap:
    """Passes a body on as it is, and lets a capture see it."""

    __slots__ = ("_capture",)

    rewrites = False

    def __init__(self, capture: BodyCapture) -> None:
        self._capture = capture

    def feed(self, data: bytes, /) -> bytes:
        if data:
            self._capture.observe(data)
        return data

    def flush(self) -> bytes:
        return b""


def apply_transform(body: bytes, transform: BodyTransform | None) -> bytes:
    """A whole body after its transform."""
    return body if transform is None else transform.feed(body) + transform.flush()
