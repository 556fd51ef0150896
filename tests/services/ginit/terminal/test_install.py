"""How far the installation of packages is."""

import subprocess
import sys

from services.ginit.terminal import install


def test_progress_of_pip():
    """Each package counts once, found or already there; other lines say nothing."""
    lines = [
        "Collecting aiohttp==3.1 (from -r requirements.lock (line 1))",
        "  Downloading aiohttp.whl (1 kB)",
        "Collecting aiohttp==3.1 (from -r requirements.lock (line 1))",
        "Requirement already satisfied: orjson==3 in .venv",
        "Installing collected packages: aiohttp",
    ]
    shown = list(install.progress(lines, 3))
    assert [text.rpartition(": ")[2] for text in shown] == [
        "1 of 3, aiohttp",
        "1 of 3, aiohttp",
        "2 of 3, orjson",
        "unpacking",
    ]


def test_failure_is_shown(tmp_path):
    """What pip said is not lost, and its exit code is ours."""
    lock = tmp_path / "requirements.lock"
    lock.write_text("no-such-option --at-all\n", "utf-8")
    result = subprocess.run([sys.executable, install.__file__, str(lock)], capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "no-such-option" in result.stderr
    assert result.stdout == ""
