"""A YAML file as values that know where they stand.

Scalars keep their spelling: `1.10`, `yes` and `2024-05-13` are texts, as most gateways read names. JSON is YAML.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

from gecholog.errors import GechologError

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_MERGE = "<<"


class ImportRefusedError(GechologError):
    """A file cannot be imported. The message names line and key."""

    def __init__(self, line: int, path: str, message: str) -> None:
        super().__init__(located(line, path, message))


def located(line: int, path: str, message: str) -> str:
    """A message with the line (0: it is not about a line of the file) and the key that it is about, if there is one."""
    place = [f"line {line}"] if line else []
    return ": ".join([*place, *([path] if path else []), message])


@dataclass(frozen=True)
class Node:
    """A value: a dict or list of nodes, a text, or None. `is_text`: a scalar that YAML takes for a text."""

    value: Any
    line: int
    path: str
    is_text: bool = True

    def refuse(self, message: str) -> NoReturn:
        """Raise ImportRefusedError for this value."""
        raise ImportRefusedError(self.line, self.path, message)

    def members(self) -> dict[str, Node]:
        """The members of a map; none of a null. Raises ImportRefusedError for anything else."""
        if self.value is None:
            return {}
        return self.value if isinstance(self.value, dict) else self.refuse("must be a map")

    def items(self) -> list[Node]:
        """The entries of a list; none of a null. Raises ImportRefusedError for anything else."""
        if self.value is None:
            return []
        return self.value if isinstance(self.value, list) else self.refuse("must be a list")

    def text(self) -> str:
        """The spelling of a scalar; empty for a null. Raises ImportRefusedError for anything else."""
        if self.value is None:
            return ""
        return self.value if isinstance(self.value, str) else self.refuse("must be a text")


def read_yaml(text: str, repeated: list[Node]) -> Node:
    """The first document of a file. Raises ImportRefusedError with the line of what is no YAML.

    Of a key that is given twice in one map, the last one counts. Each of these is added to `repeated`.
    """
    try:
        root = next(iter(yaml.compose_all(text.removeprefix("\ufeff"), Loader=yaml.SafeLoader)), None)
        return Node(None, 1, "") if root is None else _Reader(repeated).node(root, "", ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise ImportRefusedError(line, "", f"no valid YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise ImportRefusedError(1, "", f"no valid YAML: {str(error).partition(chr(10))[0]}") from None
    except RecursionError:
        raise ImportRefusedError(1, "", "is nested too deeply") from None


class _Reader:
    """Makes nodes of those of PyYAML. `inside` are the ids of those that hold the present one."""

    def __init__(self, repeated: list[Node]) -> None:
        self._repeated = repeated

    def node(self, found: yaml.Node, path: str, inside: tuple[int, ...]) -> Node:
        """Read a value."""
        line = found.start_mark.line + 1
        if id(found) in inside:
            raise ImportRefusedError(line, path, "is an alias of something that holds it")
        inside = (*inside, id(found))
        if isinstance(found, yaml.MappingNode):
            return Node(self._members(found, path, inside), line, path)
        if isinstance(found, yaml.SequenceNode):
            return Node([self.node(each, f"{path}[{at}]", inside) for at, each in enumerate(found.value)], line, path)
        if isinstance(found, yaml.ScalarNode) and found.style is None and found.value in _NULLS:
            return Node(None, line, path)
        return Node(found.value, line, path, found.tag in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:timestamp"))

    def _members(self, found: yaml.MappingNode, path: str, inside: tuple[int, ...]) -> dict[str, Node]:
        merged: dict[str, Node] = {}
        own: dict[str, Node] = {}
        for key, value in found.value:
            if not isinstance(key, yaml.ScalarNode):
                raise ImportRefusedError(key.start_mark.line + 1, path, "has a key that is no text")
            name = key.value
            place = f"{path}.{name}" if path else name
            if name == _MERGE and key.style is None:
                merged |= self._merged(value, path, inside)
            else:
                if name in own:
                    self._repeated.append(Node(None, key.start_mark.line + 1, place))
                own[name] = self.node(value, place, inside)
        return merged | own

    def _merged(self, value: yaml.Node, path: str, inside: tuple[int, ...]) -> dict[str, Node]:
        """The members that `<<` brings in: of a map, or of several, of which the first counts."""
        maps = value.value if isinstance(value, yaml.SequenceNode) else [value]
        found: dict[str, Node] = {}
        for each in reversed(maps):
            found |= self.node(each, path, inside).members()
        return found
