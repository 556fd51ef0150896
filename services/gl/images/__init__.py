"""Images that the gateway may fetch for providers which take no URLs: from where, and what counts as an image. Pure."""
