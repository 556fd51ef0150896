"""The config of regex: the original's patterns, one from the environment, or those of a config file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gecholog import config, gjson, schema
from gecholog.config import ConfigSpec
from gecholog.duplicates import duplicates
from gecholog.errors import ConfigError, Problem
from gecholog.schema import Violation
from processors.regex.search import SearchPattern, compiled

DEFAULT = "default"  # the pattern of routers without their own

SearchPatterns = Mapping[str, SearchPattern]
"""Maps a router path, or `default`, to its pattern."""

_MARKDOWN = r"```(?:md|markdown)\n([\s\S]*?)\n```"
_JSON = r"```json\n([\s\S]*?)\n```"
_BUILT_IN = {DEFAULT: _MARKDOWN, "/markdown/": _MARKDOWN, "/json/": _JSON}
_TIME_LIMIT_MS = 50  # half of the time-out in the original's config
_NO = frozenset({"", "0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Config:
    """The patterns, whether JSON sections are also returned as objects, and the time limit of a search in seconds."""

    patterns: SearchPatterns
    match_json: bool = False
    seconds: float = _TIME_LIMIT_MS / 1000


def from_environment(environ: Mapping[str, str]) -> Config:
    """Read REGEX_CONFIG (a file), or REGEX_PATTERN and REGEX_FIELD, and MATCH_JSON. Raises ConfigError."""
    file = environ.get("REGEX_CONFIG")
    build_processor = _of_file(Path(file), environ) if file else Config(_of_variables(environ))
    wanted = environ.get("MATCH_JSON", "").strip().lower() not in _NO
    return replace(build_processor, match_json=build_processor.match_json or wanted)


def _of_variables(environ: Mapping[str, str]) -> SearchPatterns:
    regex, field = environ.get("REGEX_PATTERN"), environ.get("REGEX_FIELD")
    chosen = {DEFAULT: regex} if regex else _BUILT_IN
    path = _checked("REGEX_FIELD", gjson.parse, field) if field else None
    return {router: SearchPattern(_checked("REGEX_PATTERN", compiled, text), path) for router, text in chosen.items()}


def _checked(variable: str, read: Any, text: str) -> Any:
    try:
        return read(text)
    except ValueError as error:
        raise ConfigError("environment", [Problem(variable, str(error))]) from error


def config_spec() -> ConfigSpec:
    """Return the schema and rules of regex_config.json."""
    return ConfigSpec(schema.load(Path(__file__).with_name("regex_config.schema.json")), (_readable, _one_a_router))


def _readable(values: dict[str, Any]) -> Iterator[Violation]:
    for index, entry in enumerate(values.get("patterns", ())):
        for name, read in (("field", gjson.parse), ("regex", compiled)):
            try:
                read(entry.get(name) or "x")  # the schema reports missing and empty ones
            except ValueError as error:
                yield ("patterns", index, name), str(error)


def _one_a_router(values: dict[str, Any]) -> Iterator[Violation]:
    entries = enumerate(values.get("patterns", ()))
    routers = [(("patterns", index, "router"), entry["router"]) for index, entry in entries if "router" in entry]
    return duplicates(routers, "two entries must not have the same router")


def _of_file(file: Path, environ: Mapping[str, str]) -> Config:
    values = config.check(config.read(file), str(file), config_spec(), environ).values
    patterns = {entry["router"]: _pattern(entry) for entry in values["patterns"]}
    return Config(patterns, values.get("match_json", False), int(values.get("timeout_ms", _TIME_LIMIT_MS)) / 1000)


def _pattern(entry: dict[str, Any]) -> SearchPattern:
    field = entry.get("field")
    return SearchPattern(compiled(entry["regex"]), gjson.parse(field) if field else None)
