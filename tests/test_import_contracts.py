"""The import contracts find a cycle or an import that runs back up, wherever in a module it stands."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("gecholog", "processors", "services")
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")

FOR_TYPES = "\nif TYPE_CHECKING:\n    from {} import {}\n"
IN_A_FUNCTION = "\ndef planted():\n    from {} import {}\n"

INSIDE_GL = "layers of gl"


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy of the packages, whose files a test may change."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            copy = folder / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
    return folder


def broken(folder):
    """The names of the contracts that are broken; None if they cannot be checked at all."""
    lint = subprocess.run([LINT_IMPORTS, "--no-logo"], cwd=folder, capture_output=True, text=True, check=False)
    assert "Contracts: " in lint.stdout, lint.stdout + lint.stderr
    names = [line.removesuffix(" BROKEN") for line in lint.stdout.splitlines() if line.endswith(" BROKEN")]
    assert bool(names) is bool(lint.returncode)
    return names


@pytest.mark.parametrize(
    ("module", "form", "imported", "contract"),
    [
        ("errors", IN_A_FUNCTION, "call.Call", "no import cycles, of modules or of packages"),
        ("call", FOR_TYPES, "stages.attempts.run", INSIDE_GL),
        ("errors", IN_A_FUNCTION, "call.Call", INSIDE_GL),
        ("routing.routers", FOR_TYPES, "config.Config", INSIDE_GL),
        (
            "server.exchange",
            FOR_TYPES,
            "server.connection.ClientConnection",
            "layers of gl's server",
        ),
        ("server.uploads", IN_A_FUNCTION, "server.listener.bind", "layers of gl's server"),
        (
            "upstream.response",
            FOR_TYPES,
            "upstream.connection.UpstreamConnection",
            "layers of gl's upstream client",
        ),
        ("config.rules", IN_A_FUNCTION, "config.build.build", "layers of gl's config"),
        ("stages.egress", IN_A_FUNCTION, "stages.inbound.receive", "no stage of gl imports another"),
        ("upstream.pool", FOR_TYPES, "server.listener.Listener", "gl's server, upstream client and stages"),
    ],
)
def test_an_import_that_does_not_go_down(copied, module, form, imported, contract):
    file = copied.joinpath("services", "gl", *module.split(".")).with_suffix(".py")
    text = file.read_text("utf-8")
    module, _, name = f"services.gl.{imported}".rpartition(".")
    try:
        file.write_text(text + form.format(module, name), "utf-8")
        assert any(found.startswith(contract) for found in broken(copied))
    finally:
        file.write_text(text, "utf-8")


@pytest.mark.parametrize("form", [FOR_TYPES, IN_A_FUNCTION])
def test_a_cycle_of_two_modules(copied, form):
    """They are found in any package, also where no floors are given."""
    files = [copied / "services" / "nats2log" / f"{name}.py" for name in ("one", "other")]
    try:
        for file, name in zip(files, ("other", "one"), strict=True):
            file.write_text(form.format(f"services.nats2log.{name}", "planted"), "utf-8")
        assert broken(copied) == ["no import cycles, of modules or of packages"]
    finally:
        for file in files:
            file.unlink()


@pytest.mark.parametrize("folder", ["", "server", "upstream", "config"])
def test_a_module_without_a_floor(copied, folder):
    file = copied / "services" / "gl" / folder / "homeless.py"
    try:
        file.write_text("", "utf-8")
        assert len(broken(copied)) == 1
    finally:
        file.unlink()


def test_nothing_is_broken_as_it_stands(copied):
    assert broken(copied) == []
