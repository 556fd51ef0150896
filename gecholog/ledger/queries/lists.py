"""Lists of numbers as tables of a statement: the one thing that the two databases write differently. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson
from sqlalchemy import CTE, BigInteger, bindparam, column, text


def numbers(dialect: str, names: Sequence[str], rows: Iterable[Sequence[int]]) -> CTE:
    """A table with these columns of whole numbers."""
    listed = list(rows)
    name = f"_{'_'.join(names)}"
    columns = [column(one, BigInteger()) for one in names]
    if dialect == "sqlite":
        chosen = ", ".join(f"json_extract(value, '$[{place}]') AS {one}" for place, one in enumerate(names))
        statement = text(f"SELECT {chosen} FROM json_each(:{name})")  # noqa: S608 - names of columns
        statement = statement.bindparams(bindparam(name, orjson.dumps(listed).decode()))
    else:
        arrays = ", ".join(f"CAST(:{name}_{place} AS BIGINT[])" for place in range(len(names)))
        statement = text(f"SELECT * FROM unnest({arrays}) AS given({', '.join(names)})")  # noqa: S608 - names of columns
        turned = list(zip(*listed, strict=True)) or [() for _ in names]
        statement = statement.bindparams(*(bindparam(f"{name}_{n}", list(one)) for n, one in enumerate(turned)))
    # materialized: SQLite makes an index for it, where it has to look up a number for each row
    return statement.columns(*columns).cte(name).prefix_with("MATERIALIZED")
