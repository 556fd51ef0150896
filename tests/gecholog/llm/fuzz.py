"""Wrong bodies: samples of right ones in which something was replaced, removed, or put in twice.

`FUZZ_INPUTS` says how many are tried of each kind (`FUZZ_INPUTS=1000000` for a long run); `FUZZ_SEED` where they begin.
"""

import os
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

INPUTS = int(os.environ.get("FUZZ_INPUTS", "2000"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
JUNK: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 5.5, 2**70),
    *("", "x", "\ud800", "{", '{"a":1}', "null", "data:image/png;base64,aGk="),
    *([], [[]], [None], ["x", {"a": []}]),
    *({}, {"type": 1}, {"type": "text"}, {"type": "text", "text": None}, {"role": "user"}, {"": {}}),
)


def mutated(samples: Sequence[Any], inputs: int = INPUTS) -> Iterator[Any]:
    """`inputs` values, each a sample with one to three changes."""
    rng = random.Random(SEED)
    for _ in range(inputs):
        value = copied(rng.choice(samples))
        for _ in range(rng.randint(1, 3)):
            value = _changed(value, rng)
        yield value


def copied(value: Any) -> Any:
    """A copy of lists and objects, all the way down."""
    if isinstance(value, dict):
        return {name: copied(inner) for name, inner in value.items()}
    return [copied(inner) for inner in value] if isinstance(value, list) else value


def _changed(value: Any, rng: random.Random) -> Any:
    """The value with one change, at a random place."""
    places: list[tuple[Any, Any]] = []
    _collect(value, places)
    if not places:
        return rng.choice(JUNK)
    holder, key = rng.choice(places)
    changes: list[Callable[[], None]] = [
        lambda: holder.__setitem__(key, copied(rng.choice(JUNK))),
        lambda: holder.__setitem__(key, copied(rng.choice(JUNK))),
        lambda: holder.__delitem__(key),
        lambda: (
            holder.insert(key, copied(holder[key])) if isinstance(holder, list) else holder.update(extra=holder[key])
        ),
        lambda: holder.__setitem__(key, _elsewhere(places, rng)),
    ]
    rng.choice(changes)()
    return value


def _elsewhere(places: list[tuple[Any, Any]], rng: random.Random) -> Any:
    holder, key = rng.choice(places)
    return copied(holder[key])


def _collect(value: Any, places: list[tuple[Any, Any]]) -> None:
    keys: Any = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        places.append((value, key))
        _collect(value[key], places)
