"""Config files that change while the appliance runs, with a real supervisord."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.support.process import environment_of
from tests.support.waiting import until


def healthcheck(home, *arguments):
    """What healthcheck prints; its JSON, if that is asked for."""
    command = [sys.executable, "-m", "services.healthcheck", *arguments]
    done = subprocess.run(command, env=environment_of(home.folder, {}), capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


def _write(home, name, words):
    home.config(name).write_text(words, "utf-8")


def _rename(home, name, words):
    beside = home.config(name).with_suffix(".tmp")
    beside.write_text(words, "utf-8")
    beside.replace(home.config(name))


def _copy_in_halves(home, name, words):
    with home.config(name).open("w") as file:
        file.write(words[:1])
        file.flush()
        os.fsync(file.fileno())
        file.write(words[1:])


@pytest.mark.parametrize("change", [_write, _rename, _copy_in_halves])
def test_service_takes_a_new_config_as_the_same_process(home, change):
    """A service that can reload does so, however the file was replaced; its checksum file then names the content.

    It says so itself: ginit's own line is for those who look closely.
    """
    home.settings["log_level"] = "DEBUG"
    home.add("one", "signs").up()
    pid = home.pid("one")
    change(home, "one", "signs, anew")
    until(lambda: home.in_force("one"), "the new config")
    home.said("took signs, anew")
    assert home.said("config is in force", child="one", sha256=home.sum_of("one"))["level"] == "DEBUG"
    assert home.pid("one") == pid


def test_the_users_file_is_named(home):
    """What a service says of its config is about the file that people know, not about the copy in force."""
    home.add("one", "name").up()
    home.said(f"the config is in {home.config('one')}", service="one")


def test_several_files_at_once(home):
    """`docker cp` of a whole folder: each of the files is taken, and so is the next of each, dropped meanwhile."""
    names = ["one", "two", "three", "four"]
    for name in names:
        home.add(name, "signs")
    home.up()
    pids = {name: home.pid(name) for name in names}
    for number in range(5):
        for name in names:
            _write(home, name, f"signs {number}")
        if number % 2:
            until(lambda: all(home.in_force(name) for name in names), "all new configs")
    until(lambda: all(home.in_force(name) for name in names), "all new configs")
    assert {name: home.pid(name) for name in names} == pids, "\n".join(home.lines)


def test_switched_link_is_a_change(home):
    """Kubernetes replaces config files by switching a link to their folder."""
    home.add("one", "signs")
    for version in ("v1", "v2"):
        (home.folder / "conf" / version).mkdir()
        (home.folder / "conf" / version / "one.json").write_text(f"signs {version}", "utf-8")
    data = home.folder / "conf" / "..data"
    data.symlink_to("v1")
    home.config("one").unlink()
    home.config("one").symlink_to("..data/one.json")
    home.up()
    other = home.folder / "conf" / "..data_tmp"
    other.symlink_to("v2")
    other.replace(data)
    home.said("took signs v2")
    until(lambda: home.in_force("one"), "the new config")


def test_service_that_cannot_reload_is_restarted(home):
    """A service that does not write its checksum file itself is started anew with the new config."""
    home.add("one").up()
    pid = home.pid("one")
    _write(home, "one", "anew")
    home.said("service is healthy", child="one", sha256=home.sum_of("one"))
    assert home.in_force("one")
    assert home.pid("one") not in {0, pid}


def test_invalid_config_changes_nothing(home):
    """An invalid config is said once, with its problems and the user's own path, and is never in force."""
    home.add("one", "signs").up()
    pid, before = home.pid("one"), home.checksum("one")
    _write(home, "one", "signs invalid")
    home.said("config is not valid", child="one", sha256=home.sum_of("one"))
    assert home.find(f"this is invalid in {home.config('one')}", service="one")
    _write(home, "one", "signs")
    home.said("config file matches the config in force again", child="one", sha256=before)
    _write(home, "one", "signs again")
    until(lambda: home.in_force("one"), "the next valid config")
    assert (home.pid("one"), len(home.find("config is not valid"))) == (pid, 1)
    assert before != home.checksum("one")


def test_invalid_config_at_the_start_keeps_only_its_own_service_idle(home):
    """The others are started; the service follows when its config is mended."""
    home.add("one", "invalid").add("two").up()
    assert home.state("one")["state"] == "idle"
    assert home.checksum("ginit") is None
    assert home.fault() == "one is idle: the config is not valid"
    _write(home, "one", "mended")
    home.becomes("one", "healthy")
    assert home.in_force("one")
    until(lambda: home.checksum("ginit"), "ginit's checksum file")


def test_refused_config_is_not_in_force(home):
    """What a service refuses on reload is rolled back: a later restart has the last good content too."""
    home.add("one", "signs").up()
    pid, before = home.pid("one"), home.checksum("one")
    _write(home, "one", "signs refused")
    home.said("config is refused, the last good one stays in force", child="one", sha256=before)
    assert (home.pid("one"), home.checksum("one")) == (pid, before)
    os.kill(pid, 9)
    home.said("service is healthy", times=2, child="one", sha256=before)
    assert home.checksum("one") == before


def refused(home):
    """Which config files are not in force, by the services' names, as healthcheck says it."""
    return {one["service"]: one["reason"] for one in healthcheck(home, "--json").get("refused", ())}


def test_refused_files_are_named_by_healthcheck(home):
    """With the reason: by the validation, by the service, and ginit's own; until the file is back or corrected."""
    home.add("one", "signs").add("two", "signs").up()
    _write(home, "one", "signs invalid")
    until(lambda: refused(home) == {"one": f"this is invalid in {home.config('one')}"}, "what is refused of one")
    _write(home, "two", "signs refused")
    until(lambda: refused(home).get("two") == "because", "what is refused of two")
    home.config("ginit_config").write_text("{", "utf-8")
    until(lambda: "not JSON" in refused(home).get("ginit", ""), "what is refused of ginit")
    assert f"config refused: {home.config('ginit_config')} (" in healthcheck(home)
    assert healthcheck(home, "--json")["healthy"]
    home.write()
    _write(home, "one", "signs")
    _write(home, "two", "signs again")
    until(lambda: not refused(home), "that nothing is refused")


def test_refused_config_that_is_written_again_is_tried_again(home):
    """What stood against it may be gone: a port that was taken, a file that was missing."""
    home.add("one", "signs").up()
    _write(home, "one", "signs refused")
    home.said("config is refused", child="one")
    _write(home, "one", "signs refused")
    home.said("config is refused", times=2, child="one")


def test_disk_that_is_full_for_a_while(home):
    """Nothing ends: what cannot be written is tried again, and a config that was dropped meanwhile is taken then."""
    home.add("one", "signs").add("two", "mute").up()
    folder = home.folder / "run" / "candidate"
    shutil.rmtree(folder)
    folder.write_text("no folder")
    _write(home, "one", "signs anew")
    home.said("cannot validate config, retrying", child="one")
    folder.unlink()
    until(lambda: home.in_force("one"), "the config of one")
    copy = home.folder / "run" / "inforce" / "two" / f".two.json.{home.ginit_pid()}"
    copy.mkdir()
    pid = home.pid("two")
    _write(home, "two", "mute anew")
    home.said("cannot put config in force, retrying", child="two")
    assert home.pid("two") == pid
    for times in (2, 3):  # meanwhile the others are looked after, also when that takes time
        os.kill(home.pid("one"), 9)
        home.said("service is healthy", times=times, child="one")
    copy.rmdir()
    until(lambda: home.in_force("two"), "the config of two")
    checksum = home.folder / "checksum" / f".two_config.sha256.{home.ginit_pid()}"
    checksum.mkdir()
    _write(home, "two", "mute once more")
    home.said("cannot write checksum file, retrying", child="two")
    checksum.rmdir()
    until(lambda: home.in_force("two"), "the checksum of two")
    assert home.process.poll() is None


def test_config_without_health_is_rolled_back(home):
    """A service that does not get healthy with a new config is started again with the last good one."""
    home.add("one", "good", die_promise=True).up()
    before = home.checksum("one")
    _write(home, "one", "crash")
    home.said("not healthy with the new config", child="one")
    home.said("service is healthy", child="one", times=2, sha256=before)
    assert home.checksum("one") == before
    _write(home, "one", "better")
    until(lambda: home.in_force("one"), "the next config")


def test_mended_config_revives_a_service_that_was_given_up(home):
    """A new config begins the count of starts anew."""
    home.add("one", "crash").up()
    home.becomes("one", "idle")
    _write(home, "one", "mended")
    home.becomes("one", "healthy")


def test_deleted_file_is_said_once_and_changes_nothing(home):
    """The service runs on with what it has; when the file is back, it counts again."""
    home.add("one", "signs").up()
    pid, before = home.pid("one"), home.checksum("one")
    home.config("one").unlink()
    home.said("config file is missing", child="one")
    _write(home, "one", "signs, it is back")
    until(lambda: home.in_force("one"), "the config")
    assert (home.pid("one"), len(home.find("config file is missing"))) == (pid, 1)
    assert before != home.checksum("one")


def test_file_that_is_not_watched(home):
    """With disable_config_file_monitoring a change counts for nothing."""
    home.add("one", "signs", disable_config_file_monitoring=True).add("two", "signs").up()
    before = home.checksum("one")
    _write(home, "one", "signs, anew")
    _write(home, "two", "signs, anew")
    until(lambda: home.in_force("two"), "the config that is watched")
    assert home.checksum("one") == before


def test_services_come_and_go_with_the_config_of_ginit(home):
    """A service that is added is started, one that is taken out is stopped, the others are left alone."""
    home.add("one").add("two").up()
    pid = home.pid("one")
    del home.services[1]
    home.add("three").write()
    home.becomes("three", "healthy")
    home.said("end of two")
    until(lambda: not home.pid("two"), "the end of two")
    assert home.pid("one") == pid
    assert home.checksum("two") is None
    until(lambda: home.in_force("ginit", "ginit_config"), "ginit's checksum file")
    assert home.stop() == 0
    assert home.processes() == []


def test_service_that_is_taken_out_and_put_back_at_once(home):
    """Its process takes a while to end; then it is started again."""
    home.add("one").add("two", "stubborn").up()
    before, removed = home.pid("two"), home.services.pop()
    home.write()
    home.said("service removed", child="two")
    home.services.append(removed)
    home.write()
    home.said("service is healthy", child="two", times=2)
    assert home.pid("two") not in {0, before}
    until(lambda: home.checksum("ginit"), "ginit's checksum file")


def test_service_that_is_called_otherwise_is_restarted(home):
    """New arguments need a new process; a new healthy_output alone does not."""
    home.add("one").add("two").up()
    first, second = home.pid("one"), home.pid("two")
    home.services[0]["additional_arguments"] += ["more"]
    home.services[1]["die_promise"] = True
    home.write()
    home.said("service definition changed", child="one")
    home.said("service is healthy", child="one", times=2)
    assert home.pid("one") not in {0, first}
    assert home.pid("two") == second


def test_bad_config_of_ginit_changes_nothing(home):
    """What is wrong with it is said, and its checksum file keeps naming the one in force."""
    home.add("one").up()
    until(lambda: home.in_force("ginit", "ginit_config"), "ginit's checksum file")
    before = home.checksum("ginit")
    home.config("ginit_config").write_text(json.dumps({"version": "1.0.1"}), "utf-8")
    home.said("config not taken", service="ginit")
    assert home.checksum("ginit") == before
    assert home.pid("one")


def test_invalid_entry_with_a_die_promise_changes_nothing(home):
    """A config of ginit that adds one is refused; the same entry without the promise is left out alone."""
    home.add("one").up()
    until(lambda: home.in_force("ginit", "ginit_config"), "ginit's checksum file")
    before = home.checksum("ginit")
    home.add("two", file="/no/such/program", die_promise=True).write()
    home.said("config not taken", service="ginit", path="services[1].die_promise")
    assert home.checksum("ginit") == before
    home.services[1]["die_promise"] = False
    home.write()
    until(lambda: home.in_force("ginit", "ginit_config"), "the new config")
    assert home.pid("one")


def test_config_path_that_becomes_a_fifo(home):
    """It is said and nothing changes; ginit goes on with everything else, and takes the next file."""
    home.add("one", "signs").add("two").up()
    before = home.checksum("one")
    beside = home.config("one").with_suffix(".fifo")
    os.mkfifo(beside)
    beside.replace(home.config("one"))
    home.said(
        "cannot read config file, the config in force stays", child="one", reason="it is a FIFO, not a regular file"
    )
    os.kill(home.pid("two"), 9)
    home.said("service is healthy", child="two", times=2)
    assert home.checksum("one") == before
    home.config("one").unlink()
    _write(home, "one", "signs anew")
    until(lambda: home.in_force("one"), "the new config")
