"""What supervisord is given to read."""

import subprocess

from services.ginit.supervisord.program import program_section, start_script


def test_script_hands_every_argument_over(tmp_path):
    """Whatever the arguments and paths hold, the program gets them as they are, and writes to its pipe."""
    folder = tmp_path / "it's 100% ; #1"
    folder.mkdir()
    program = folder / "program"
    program.write_text('#!/bin/sh\nfor one in "$@"; do printf "<%s>" "$one"; done; echo error >&2; cat\n')
    program.chmod(0o755)
    arguments = ["-o", "a b", "$HOME `x` \"y\" 'z'", "%s ; # \\", "two\nlines", "*"]
    script = start_script([str(program), *arguments], folder / "pipe")
    subprocess.run(["/bin/sh"], input=script, text=True, check=True, stdout=subprocess.DEVNULL)
    expected = "".join(f"<{argument}>" for argument in arguments)
    assert (folder / "pipe").read_text() == f"{expected}error\n"


def test_script_sets_variables(tmp_path):
    """Variables reach the program, whatever they hold."""
    script = start_script(["/usr/bin/env"], tmp_path / "pipe", {"ONE": "a 'b' $HOME", "TWO": "2"})
    subprocess.run(["/bin/sh"], input=script, text=True, check=True, stdout=subprocess.DEVNULL)
    lines = (tmp_path / "pipe").read_text().splitlines()
    assert {"ONE=a 'b' $HOME", "TWO=2"} <= set(lines)


def test_section_holds_nothing_of_the_users():
    """Only the slug, which is safe by itself; ginit alone starts and restarts."""
    section = program_section("my=20service", 7)
    assert "[program:my=20service]" in section
    assert "priority=7" in section
    assert "autostart=false" in section
    assert "autorestart=false" in section
    assert "%" not in section
