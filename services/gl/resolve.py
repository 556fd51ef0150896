"""Resolves a model name with a config: `python -m services.gl.resolve MODEL`.

Prints the candidates that a call would try, in their order, and the reason for it. Nothing is called, not even a
classifier.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from gecholog import config, health, logs
from gecholog.errors import ConfigError
from services.gl.config import build, config_spec
from services.gl.models.model import Model
from services.gl.models.ordering import StrategyInputs
from services.gl.models.registry import Registry
from services.gl.models.resolving import Choice, next_classifier, resolve


def report(registry: Registry, name: str, inputs: StrategyInputs) -> Iterator[str]:
    """The lines for one name."""
    choices = resolve(registry, name, inputs)
    if not choices:
        yield f"{name}: no model of this name{_close(registry, name)}"
        return
    yield f"{name}: {len(choices)} {'candidate' if len(choices) == 1 else 'candidates'}"
    for number, choice in enumerate(choices, 1):
        yield f"  {number}. {choice.name}  {choice.provider.dialect.value} at {choice.provider.url}{_reasons(choice)}"
    model = next_classifier(registry, name, inputs, frozenset())
    if model is not None and model.classifier is not None and inputs.rating(model.name) is None:
        yield f"{model.name} would ask {model.classifier.model} for a rating, which costs a call: try --rating"


def _close(registry: Registry, name: str) -> str:
    found = registry.close_to(name)
    return f"; close to it: {', '.join(found)}" if found else ""


def _reasons(choice: Choice) -> str:
    """The groups on the way to a choice, and the reason at each."""
    steps = [f"{group}: {why}" if why else group for group, why in zip(choice.groups, choice.why, strict=True)]
    return f"  ({' → '.join(steps)})" if steps else ""


def left_out(parsed: config.ParsedConfig, name: str) -> Iterator[str]:
    """Lines about left-out entries of the config that may be the reason."""
    for one in (*parsed.left_out, *parsed.not_set):
        if one.entry.list in {"providers", "models"} and (one.said == name or name.startswith(f"{one.said}/")):
            yield f"{one.entry.shown} is left out: {one.reason}"


def _inputs(registry: Registry, prompt: str, rating: int | None) -> StrategyInputs:
    draw = random.Random().random  # noqa: S311 - a choice, no secret
    classified = {name for name, model in registry.models.items() if _asks(model)}
    return StrategyInputs(prompt=lambda: prompt, draw=draw, rating=lambda name: rating if name in classified else None)


def _asks(model: Model) -> bool:
    return model.classifier is not None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code: 0 if there is a candidate, 1 if not, or if the config is wrong."""
    arguments = _parser().parse_args(argv)
    logs.setup("resolve")
    try:
        parsed = config.check(config.read(arguments.o), str(arguments.o), config_spec())
        built = build(parsed)
    except ConfigError as error:
        for problem in error.problems:
            sys.stderr.write(f"error: {error.source}: {problem}\n")
        return 1
    finally:
        logs.finish()
    inputs = _inputs(built.models, arguments.prompt, arguments.rating)
    lines = [*report(built.models, arguments.model, inputs), *left_out(parsed, arguments.model)]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0 if resolve(built.models, arguments.model, inputs) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="resolve", description="Show what a model name means to a config.")
    parser.add_argument("model", metavar="MODEL", help="the name that a client would say")
    parser.add_argument("-o", metavar="FILE", type=Path, default=health.home() / "conf" / "gl_config.json")
    parser.add_argument("--prompt", metavar="TEXT", default="", help="the user's last message, for heuristic models")
    parser.add_argument("--rating", metavar="N", type=int, help="what a classifier would have answered")
    return parser


if __name__ == "__main__":
    sys.exit(main())
