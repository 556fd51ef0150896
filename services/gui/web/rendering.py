"""Templates to HTML. Every value is escaped unless a template of ours says that it is HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from gecholog import __version__
from services.gui.access import links
from services.gui.assets.catalog import Assets
from services.gui.ledger.amounts import duration_us, money, whole
from services.gui.ledger.svg import meter
from services.gui.roles import Permission
from services.gui.tutorials.progress import Progress
from services.gui.web.route import NavigationEntry

THEMES = ("auto", "light", "dark")
THEME_COOKIE = "theme"

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_KILO = 1000
UNKNOWN = "\N{EN DASH}"


class Reader(Protocol):
    """Whom a page is for: what rendering needs of a Visit."""

    @property
    def path(self) -> str: ...
    @property
    def query(self) -> Mapping[str, str]: ...
    @property
    def here(self) -> str: ...
    @property
    def csrf_token(self) -> str: ...
    @property
    def tutorial(self) -> Progress | None: ...
    @property
    def theme(self) -> str: ...
    def link(self, path: str, /, **query: Any) -> str: ...
    def allows(self, permission: Permission) -> bool: ...


class Renderer:
    """The templates of these folders. `navigation` is what all pages show beside their content."""

    def __init__(self, folders: Sequence[Path], assets: Assets, navigation: Iterable[NavigationEntry]) -> None:
        self._assets = assets
        self._navigation = sorted(navigation, key=lambda entry: entry.place)
        self._environment = Environment(
            loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals |= {
            "icon": self._icon,
            "version": __version__,
            "Permission": Permission,
            "meter": meter,
        }
        self._environment.filters |= {
            "when": when,
            "ago": ago,
            "count": count,
            "duration": duration,
            "usd": usd,
            "money": money,
            "whole": whole,
            "duration_us": duration_us,
            "merged": merged,
            "urlsegment": links.segment,
            "prose": prose,
        }

    def render(self, template: str, visit: Reader, values: Mapping[str, Any]) -> str:
        """The HTML of a template. Besides `values` it has `visit`, `link`, `asset`, `allows`, `navigation`, `theme`."""

        def asset(name: str) -> str:
            return visit.link(f"/static/{self._assets.address(name)}")

        token = visit.csrf_token
        return self._environment.get_template(template).render(
            visit=visit,
            link=visit.link,
            asset=asset,
            allows=visit.allows,
            here=visit.here,
            csrf_token=token,
            csrf=csrf_field(token),
            navigation=[entry for entry in self._navigation if visit.allows(entry.permission)],
            theme=visit.theme if visit.theme in THEMES else "auto",
            **values,
        )

    def _icon(self, name: str, classes: str = "") -> Markup:
        """An icon as inline SVG. It is decoration: what it means stands beside it or in a label."""
        return Markup('<svg class="icon {}" aria-hidden="true" focusable="false" viewBox="0 0 24 24">{}</svg>').format(
            classes,
            Markup(self._assets.icon(name)),  # noqa: S704 - our own file, whose hash was checked
        )


def prose(text: str) -> Markup:
    """A sentence in which what stands between backticks is code."""
    parts = text.split("`")
    code = Markup("<code>{}</code>")
    return Markup("").join(code.format(part) if place % 2 else part for place, part in enumerate(parts))


def merged(query: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """A query of an address with other fields in it; those of `more` count."""
    return {**query, **more}


def csrf_field(token: str) -> Markup:
    """The hidden field that every form has."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(token)


def when(seconds: float) -> Markup:
    """A time in UTC; scripts show it in the time zone of the browser."""
    if not seconds:
        return Markup("{}").format(UNKNOWN)
    moment = datetime.fromtimestamp(seconds, UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(
        moment.isoformat(timespec="seconds").replace("+00:00", "Z"), moment.strftime("%Y-%m-%d %H:%M:%S")
    )


def ago(seconds: float, now: float) -> str:
    """How long ago a time was: `5 min ago`."""
    passed = max(0, int(now - seconds))
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if passed >= unit:
            return f"{passed // unit} {name} ago"
    return f"{passed} s ago"


def count(number: float | None) -> str:
    """A number for people: `184 203`, with thin spaces; `61.4 M` from ten million on."""
    if number is None:
        return UNKNOWN
    for unit, name in ((_KILO**3, "G"), (_KILO**2, "M")):
        if abs(number) >= 10 * unit or (name == "G" and abs(number) >= unit):
            return f"{number / unit:.1f}\N{NARROW NO-BREAK SPACE}{name}"
    return f"{number:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def duration(milliseconds: float | None) -> str:
    """A duration for people: `420 ms`, `3.5 s`, `2 min 5 s`."""
    if milliseconds is None:
        return UNKNOWN
    if milliseconds < _KILO:
        return f"{milliseconds:.0f}\N{NARROW NO-BREAK SPACE}ms"
    seconds = milliseconds / _KILO
    if seconds < _MINUTE:
        return f"{seconds:.1f}\N{NARROW NO-BREAK SPACE}s"
    return f"{int(seconds // _MINUTE)}\N{NARROW NO-BREAK SPACE}min {int(seconds % _MINUTE)}\N{NARROW NO-BREAK SPACE}s"


def usd(amount: float | None) -> str:
    """An amount of money: two places, or as many as show something."""
    if amount is None:
        return UNKNOWN
    for places in (2, 4, 6):
        if amount == 0 or abs(amount) >= 10**-places * 5:
            return f"${amount:,.{places}f}"
    return f"${amount:.9f}".rstrip("0")
