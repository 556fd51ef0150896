"""The list of mistakes that the property tests must find. `make mutants` tries all of them."""

import pytest

from tests.services.ginit.decision.mutants import MUTANTS, Mutant, is_found


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.module}: {mutant.effect}")
def test_mutant_fits_the_code(mutant):
    """Its text is there once, and with the other text the module is still Python."""
    assert mutant.file.read_text("utf-8").count(mutant.old) == 1
    compile(mutant.source, mutant.file, "exec")


def test_mistake_that_is_found():
    assert is_found(next(one for one in MUTANTS if one.effect == "two processes of one service"))


def test_no_mistake_is_not_found():
    """What is the same code is not taken for a mistake."""
    assert not is_found(Mutant("ending", "Pure.", "Pure!", "nothing"), scenarios=20)
