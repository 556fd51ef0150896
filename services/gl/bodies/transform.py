"""Transforms of response bodies, between the upstream and the client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.gl.bodies.capture import BodyCapture


class BodyTransform(Protocol):
    """Changes one body, which arrives in pieces of any size and without content encoding."""

    @property
    def rewrites(self) -> bool:
        """Whether input and output are recorded separately, as `inbound_payload` and `egress_payload`.

        False for a transform that only removes something that gl itself requested.
        """

    def feed(self, data: bytes, /) -> bytes:
        """Feed the next piece. Returns the output so far, which may be empty."""

    def flush(self) -> bytes:
        """Return the rest of the output at the end of the body."""


class Chain:
    """Several transforms in a row: each gets the output of the one before it."""

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
    """Passes a body through unchanged, and captures it."""

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
    """Apply a transform to a whole body."""
    return body if transform is None else transform.feed(body) + transform.flush()
