"""The secrets of the store that a config file names, if it may send them where it would."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gecholog import environment, secret_rule
from gecholog.config_text import content, parsed, without_nulls
from gecholog.environment import fill
from gecholog.errors import ConfigError, Problem
from gecholog.health import home
from gecholog.reporter import Reporter
from gecholog.secret_key import SecretStoreError
from gecholog.secret_store import OpenedSecret, SecretStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gecholog.config_spec import ConfigSpec


@dataclass(frozen=True, slots=True)
class NamedSecrets:
    """The secrets that a file names; None for a name without one. `file` is the store, empty if it names none."""

    by_name: Mapping[str, OpenedSecret | None] = field(default_factory=dict)
    file: str = ""

    def lookup(self, name: str) -> str | None:
        """The value of a secret, or None."""
        secret = self.by_name.get(name)
        return None if secret is None else secret.value

    @property
    def files(self) -> tuple[str, ...]:
        """The files that the values come from."""
        return (self.file,) if self.file else ()

    @property
    def values(self) -> frozenset[str]:
        return frozenset(secret.value for secret in self.by_name.values() if secret is not None)


def opened(text: str, source: str, spec: ConfigSpec, environ: Mapping[str, str]) -> NamedSecrets:
    """The secrets of the store that a file names.

    Raises ConfigError if the service would send one of them elsewhere than to its hosts. That is judged before anything
    else, with marks in their places: what is said about the values of other fields must not tell anything about them.
    """
    names = [name for group in environment.names_in(text) for name in group if name.startswith(environment.SECRET)]
    if not names:
        return NamedSecrets()
    store = SecretStore(home(environ), environ)
    try:
        found = {name: store.open(name) for name in map(environment.bare, dict.fromkeys(names))}
    except SecretStoreError as error:
        raise ConfigError(source, [Problem("", str(error))]) from error
    marked = fill(text, environ, content, secret_rule.mark)
    if marked.problems:
        raise ConfigError(source, marked.problems)
    value = without_nulls(parsed(marked, source, []))
    hosts = {name: secret.hosts for name, secret in found.items() if secret is not None}
    report = Reporter(marked)
    if wrong := list(secret_rule.violations(value, hosts, spec.secret_places(value))):
        raise ConfigError(source, [report.problem(*violation) for violation in wrong])
    return NamedSecrets(found, str(store.file))
