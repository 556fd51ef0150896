"""Ids of users for providers that limit their length. Pure."""

from __future__ import annotations

import hashlib

_LONGEST = 64  # characters


def short_user_id(user: str) -> str:
    """The id, or one of 64 characters that is always the same for it.

    Clients of Anthropic send ids of 150 characters and more (Claude Code does), which OpenAI's API and many that speak
    like it refuse.
    """
    return user if len(user) <= _LONGEST else hashlib.sha256(user.encode("utf-8", "surrogatepass")).hexdigest()
