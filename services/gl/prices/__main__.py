"""Checks a prices.json: `python -m services.gl.prices -o conf/prices.json --validate`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

from gecholog.cli import Program, main
from services.gl.prices.overrides import config_spec, table_of

if TYPE_CHECKING:
    from gecholog.llm.price_table import PriceTable


def _no_service(_: PriceTable, __: str) -> NoReturn:
    raise NotImplementedError


PROGRAM = Program(
    name="prices",
    about="Checks a prices.json. gl puts it in force: it watches the file beside its gl_config.json.",
    config_spec=config_spec,
    build=table_of,
    make=_no_service,
)

if __name__ == "__main__":
    sys.exit(main(PROGRAM, [*sys.argv[1:], "--validate"]))
