"""The error of an image that is not fetched."""

from __future__ import annotations


class ImageRefused(Exception):
    """An image is not fetched. The text is the end of a sentence for the client: `its URL must …`.

    It never tells addresses, nor whether a name is known here: a client must not explore the gateway's network with it.
    """
