"""The rules of the config for the headers of outgoing messages. Pure."""

from __future__ import annotations

from typing import NamedTuple


class HeaderRules(NamedTuple):
    """The record masks the `masked` headers. `removed` and `withheld` ones are not sent, which the record notes.

    `never_forwarded` ones are not sent either: those of a connection, and all `removed` ones. `withheld` are those that
    only one upstream does not get.
    """

    masked: frozenset[str]
    removed: frozenset[str]
    never_forwarded: frozenset[str]
    withheld: frozenset[str] = frozenset()

    def withholding(self, names: frozenset[str]) -> HeaderRules:
        """The rules for an upstream that does not get these headers."""
        return HeaderRules(self.masked, self.removed, self.never_forwarded, names) if names else self
