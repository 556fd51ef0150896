"""The appliance's life with a real supervisord: start, stop, deaths."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from tests.support.appliance import FAKE, Home
from tests.support.waiting import until


def test_services_start_in_order_and_stop_without_a_trace(home):
    """Each starts when the one before is healthy; a SIGINT ends all of them, last first, and no process is left."""
    home.add("one").add("two", "signs").add("three").up()
    assert [entry["child"] for entry in home.find("service is healthy")] == ["one", "two", "three"]
    starts = [home.messages().index(f"{name} is ready") for name in ("one", "two", "three")]
    assert starts == sorted(starts)
    assert home.in_force("one")
    assert home.in_force("two")
    until(lambda: home.in_force("ginit", "ginit_config"), "ginit's own checksum file")
    assert home.stop() == 0
    ends = [home.messages().index(f"end of {name}") for name in ("three", "two", "one")]
    assert ends == sorted(ends)
    assert home.processes() == []
    assert list((home.folder / "checksum").iterdir()) == []


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_files_are_not_for_everybody(home, umask):
    """Whatever the appliance and its services create, nobody but the owner and the group may read; a umask may say
    more.
    """
    program = home.folder / "writer"
    program.write_text('#!/bin/sh\necho prompt >"$GECHOLOG_HOME/prompts.jsonl"\nexec "$FAKE" "$@"\n')
    program.chmod(0o755)
    home.add("one", "signs", file=str(program))
    mine = set(home.folder.rglob("*")) | {home.config("ginit_config")}
    before = os.umask(umask)
    try:
        home.up(FAKE=str(FAKE))
    finally:
        os.umask(before)
    home.config("one").write_text("signs anew")
    until(lambda: home.in_force("one"), "the new config")
    created = [path for path in home.folder.rglob("*") if path not in mine and not path.is_symlink()]
    assert home.folder / "prompts.jsonl" in created
    assert not [path for path in created if path.stat().st_mode & (0o027 | umask)]


def test_killed_service_is_started_again(home):
    """A service that is killed loses its checksum file, and comes back as another process, the others untouched."""
    home.add("one", "signs").add("two").up()
    first, other = home.pid("one"), home.pid("two")
    os.kill(first, signal.SIGKILL)
    home.said("service ended", child="one", how="a signal")
    home.said("service is healthy", child="one", times=2)
    assert home.pid("one") not in {0, first}
    assert home.pid("two") == other
    assert home.state("one")["starts"] == 2
    until(lambda: home.checksum("ginit"), "ginit's own checksum file")


def test_service_that_ends_in_a_row_is_given_up(home):
    """After max_starts restarts without success a service stays idle, and the appliance goes on without it."""
    home.add("one", "crash").add("two").up()
    home.becomes("one", "idle")
    assert len(home.find("crash of one")) == 3
    assert "exit code 3" in home.state("one")["reason"]
    assert home.checksum("one") is None
    assert home.checksum("two")
    until(lambda: home.checksum("ginit") is None, "ginit without a checksum file")
    assert home.fault().startswith("one is idle: it ended 3 times in a row: exit code 3")
    home.config("one").write_text("mended")
    until(lambda: home.checksum("ginit"), "ginit's own checksum file: all is well again")


def test_last_error_of_a_service_that_ends(home):
    """Why it ended stands where it is said that it has, not only somewhere above."""
    home.add("one", "crash complain").up()
    home.becomes("one", "idle")
    assert home.state("one")["reason"].endswith(": exit code 3, cannot go on: the dog ate it")


def test_die_promise_ends_the_appliance(home):
    """A service with a die promise that cannot be kept healthy ends everything with an error and the reason."""
    home.add("one").add("two", "crash", die_promise=True).start()
    assert home.ended() == 1
    assert "two has a die promise" in home.find("the appliance stopped with an error")[-1]["reason"]
    assert "the appliance stopped with an error" in home.messages()[-3:]
    assert home.processes() == []


def test_die_promise_counts_for_an_invalid_config(home):
    """A service that cannot even be started is not healthy either."""
    home.add("one", "invalid", die_promise=True).start()
    assert home.ended() == 1
    assert "the config is not valid" in home.find("the appliance stopped with an error")[-1]["reason"]


def test_die_promise_counts_for_an_entry_that_is_not_valid(home):
    """The appliance does not start without it; the reason is on standard error and in the log."""
    home.add("one").add("two", file="/no/such/program", die_promise=True).start()
    assert home.ended() == 1
    assert any(line.startswith("error:") and "services[1].die_promise" in line for line in home.lines)
    assert not home.find("service is healthy")
    assert home.find("the appliance cannot start")


def test_stubborn_service_is_killed(home):
    """A service that does not end when it is asked to is killed, and the appliance still ends in order."""
    home.add("one").add("two", "stubborn").up()
    assert home.stop() == 0
    assert home.processes() == []


def test_program_that_cannot_be_run(home):
    """A program that is no program: its validation says so, and the service stays idle."""
    home.add("one", file=str(home.config("one"))).add("two").up()
    home.becomes("one", "idle")
    assert home.find("the program cannot be run", service="one")
    assert home.checksum("two")


def test_death_of_ginit_disturbs_nobody(home):
    """A new ginit takes the running services over, and sees to their configs and deaths as the one before did."""
    home.add("one", "signs").add("two").up()
    before = {name: home.pid(name) for name in ("one", "two")}
    os.kill(home.ginit_pid(), signal.SIGKILL)
    home.said("service is taken over", child="two")
    home.said("all services have been started", times=2)
    assert {name: home.pid(name) for name in ("one", "two")} == before
    home.config("one").write_text("signs and more", "utf-8")
    until(lambda: home.in_force("one"), "the new config")
    assert home.pid("one") == before["one"]
    os.kill(before["two"], signal.SIGKILL)
    home.said("service is healthy", child="two")
    assert home.stop() == 0


def test_stop_while_a_new_ginit_begins(home):
    """That the appliance is told to end just then is no failure."""
    home.add("one", "stubborn").up()
    ginit = home.ginit_pid()
    os.kill(ginit, signal.SIGKILL)
    until(lambda: home.ginit_pid() not in {0, ginit}, "a new ginit")
    assert home.stop() == 0
    assert home.processes() == []


def test_death_of_supervisord_leaves_nothing(home):
    """If supervisord is killed, ginit ends the services in its place."""
    home.add("one").add("two", "stubborn").up()
    home.process.kill()
    until(lambda: not home.processes(), "the end of all processes")
    assert list((home.folder / "checksum").iterdir()) == []


def test_second_appliance_in_one_home_is_refused(home):
    """The home folder belongs to one appliance at a time, and the first is not disturbed."""
    home.add("one").up()
    second = Home(home.folder).add("one")
    second.start()
    assert second.ended() == 1
    assert any("another appliance runs" in line for line in second.lines)
    assert home.checksum("one")


def test_awkward_home_folders(home, tmp_path):
    """Blanks, quotes, percent and comment signs in paths, and paths too long for a socket, make no difference."""
    awkward = type(home)(tmp_path / "it's 100% ; #1 home" / ("long " * 20))
    try:
        awkward.add("one", additional_arguments=["-a", "one", "100% ; # $HOME 'x'"]).up()
        assert awkward.stop() == 0
    finally:
        awkward.close()


def test_all_output_arrives_in_order(home):
    """Long lines, torn characters and many lines at once: nothing is lost and nothing is mixed up."""
    script = home.folder / "writer"
    script.write_text(
        "#!/bin/sh\n"
        'case "$*" in *--validate*) exit 0;; esac\n'
        "printf 'gr\\303'; sleep 0.1; printf '\\274n\\n'; printf 'writer is '; sleep 0.1; printf 'ready\\n'\n"
        'head -c 300000 /dev/zero | tr "\\0" x; echo; seq 1 20000; echo all written; while :; do sleep 0.1; done\n'
    )
    script.chmod(0o755)
    home.add("writer", file=str(script)).up()
    home.said("all written")
    said = [entry["msg"] for entry in home.entries() if entry["service"] == "writer"]
    assert said[:2] == ["grün", "writer is ready"]
    assert said[2] == "x" * 300000
    assert said[3:20003] == [str(number) for number in range(1, 20001)]


def test_home_too_long_for_a_socket(tmp_path):
    """Sockets and pipes then live in a temporary folder of their own, which does not outlive the appliance."""
    home = Home(tmp_path / ("x" * 100))
    with tempfile.TemporaryDirectory() as temporary:
        try:
            home.add("one").up(TMPDIR=temporary)
            (folder,) = Path(temporary).iterdir()
            assert (folder / "output" / "one").is_fifo()
            assert not (home.folder / "run" / "output").exists()
            assert home.stop() == 0
            assert list(Path(temporary).iterdir()) == []
        finally:
            home.close()


@pytest.fixture
def short_home():
    """A home whose `run` is short enough for sockets, so that it is used for everything."""
    with tempfile.TemporaryDirectory(prefix="g") as folder:
        made = Home(Path(folder) / "home")
        yield made
        made.close()


def kill_until_given_up(home, name):
    """Kill a service as often in a row as it takes (max_starts is 2)."""
    for times in (1, 2, 3):
        pid = until(lambda: home.pid(name), f"a process of {name}")
        os.kill(pid, signal.SIGKILL)
        if times < 3:
            home.said("service ended", child=name, times=times)


def test_die_promise_without_its_folder(short_home):
    """The appliance ends with an error when nothing of `run` is left, and leaves no process."""
    home = short_home
    home.add("one").add("two", die_promise=True).up()
    shutil.rmtree(home.folder / "run")
    kill_until_given_up(home, "two")
    assert home.ended() == 1
    assert "two has a die promise" in home.find("the appliance stopped with an error")[-1]["reason"]
    assert home.processes() == []


def test_die_promise_where_its_folder_cannot_be_written(short_home):
    """Nor does it take a file that can be written; what cannot be is said, and the rest goes on."""
    home = short_home
    home.add("one").add("two", die_promise=True).up()
    for name in (f".state.json.{home.ginit_pid()}", "exit_code"):
        (home.folder / "run" / name).mkdir()
    kill_until_given_up(home, "two")
    assert home.ended() == 1
    assert home.find("cannot write state file")


def test_health_without_its_folder(short_home):
    """The sign of health does not depend on `run`: a service that is given up takes it away."""
    home = short_home
    home.add("one", "signs").add("two").up()
    until(lambda: home.checksum("ginit"), "ginit's own checksum file")
    shutil.rmtree(home.folder / "run")
    (home.folder / "run").write_text("no folder any more")
    os.kill(home.pid("two"), signal.SIGKILL)
    home.said("service stays idle", child="two")  # there is no place for its script
    until(lambda: home.checksum("ginit") is None, "ginit without a checksum file")
    assert home.checksum("one")
    assert home.stop() == 0
    assert home.processes() == []


def test_services_are_started_again_without_their_folder(short_home):
    """What they start from, their scripts and pipes are made anew."""
    home = short_home
    home.add("one", "signs").add("two").up()
    shutil.rmtree(home.folder / "run")
    for name in ("one", "two"):
        os.kill(home.pid(name), signal.SIGKILL)
        home.said("service is healthy", child=name, times=2)
    assert home.in_force("one")
    home.config("one").write_text("signs anew")
    until(lambda: home.in_force("one"), "the new config")
    assert home.stop() == 0


def test_death_of_ginit_without_its_folder(short_home):
    """supervisord makes its socket anew, so that a new ginit finds it; it starts the services from their files."""
    home = short_home
    home.add("one", "signs").add("two").up()
    shutil.rmtree(home.folder / "run")
    os.kill(home.ginit_pid(), signal.SIGKILL)
    home.said("all services have been started", times=2)
    until(lambda: home.checksum("ginit"), "ginit's own checksum file")
    assert home.in_force("one")
    assert (home.folder / "run" / "supervisor.sock").is_socket()
    assert home.stop() == 0
    assert home.processes() == []


def test_second_appliance_is_refused_without_its_folder(short_home):
    """The home is locked by itself, not only by a file that can be removed."""
    home = short_home
    home.add("one").up()
    shutil.rmtree(home.folder / "run")
    second = Home(home.folder).add("one")
    second.start()
    assert second.ended() == 1
    assert any("another appliance runs" in line for line in second.lines)
    assert home.checksum("one")
    assert home.stop() == 0


def test_death_of_supervisord_without_its_folder(short_home):
    """Everything ends as it does with the folder."""
    home = short_home
    home.add("one").add("two", "stubborn").up()
    shutil.rmtree(home.folder / "run")
    home.process.kill()
    until(lambda: not home.processes(), "the end of all processes")
