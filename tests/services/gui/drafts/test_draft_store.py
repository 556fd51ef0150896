"""Drafts on disk: two editors, archive, restore, deploy."""

import json
import os
import stat
from pathlib import Path

import pytest

from gecholog import atomic_file
from gecholog.finding import Finding, Severity
from gecholog.validation import Validation, Validator
from services.gui.drafts.config_file import ConfigFile
from services.gui.drafts.draft import Phase, Status, checksum
from services.gui.drafts.draft_store import Conflict, DraftError, DraftStore, Editor, InvalidDraft
from services.gui.drafts.write_error import CannotWrite

OLD, NEW, OTHER = b'{"a": 1}\n', b'{"a": 2}\n', b'{"a": 3}\n'
ANNA, BEN = Editor("anna", 1_800_000_000.0), Editor("ben", 1_800_000_001.0)


async def valid(data):
    return Validation(valid=True, sha256=checksum(data))


async def invalid(_):
    return Validation(valid=False, findings=(Finding(Severity.ERROR, "must be set", "/a"),))


@pytest.fixture
def store(tmp_path):
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "gl_config.json").write_bytes(OLD)
    (tmp_path / "template.json").write_bytes(OTHER)
    file = ConfigFile(
        name="gl",
        title="Gateway",
        service="gl",
        production=conf / "gl_config.json",
        working_folder=tmp_path / "working",
        archive_folder=tmp_path / "archive",
        validator=Validator(Path("gl")),
        template=tmp_path / "template.json",
        checksum=tmp_path / "checksum" / ".gl_config.sha256",
    )
    return DraftStore(file, tmp_path)


def in_force(store, data):
    store.file.checksum.parent.mkdir(exist_ok=True)
    store.file.checksum.write_text(checksum(data), "ascii")


def refused(store, reason, sha256):
    state = {
        "services": [{"name": "gl", "state": "serving", "reason": ""}],
        "refused": [{"service": "gl", "file": "x", "sha256": sha256, "reason": reason}],
    }
    folder = store.file.production.parents[1] / "run"
    folder.mkdir(exist_ok=True)
    (folder / "state.json").write_text(json.dumps(state), "utf-8")


def test_a_fresh_start(store):
    """The draft is the deployed file, byte for byte, and nothing is written."""
    in_force(store, OLD)
    state = store.state()
    assert (state.data, state.status, state.is_edited) == (OLD, Status.IN_PRODUCTION, False)
    assert not store.file.working_folder.exists()


def test_without_a_deployed_file(store):
    """The draft begins with the template; without one the reason is told."""
    store.file.production.unlink()
    assert store.state().data == OTHER
    assert store.state().status is Status.STAGED
    store.file.template.unlink()
    with pytest.raises(DraftError, match="no template"):
        store.state()


async def test_save(store):
    in_force(store, OLD)
    state = await store.save(NEW, checksum(OLD), ANNA)
    assert (state.data, state.deployed, state.status, state.is_edited) == (NEW, OLD, Status.STAGED, True)
    assert state.origin.user == "anna"
    assert store.file.working.read_bytes() == NEW
    assert stat.S_IMODE(store.file.working.stat().st_mode) == 0o600
    assert store.file.working.name == "gl_config_tmp.json"


async def test_the_second_editor_is_told(store):
    """And the draft of the first one stays."""
    await store.save(NEW, checksum(OLD), ANNA)
    with pytest.raises(Conflict, match="changed by anna") as conflict:
        await store.save(OTHER, checksum(OLD), BEN)
    assert conflict.value.state.data == NEW
    assert store.state().data == NEW


async def test_saving_what_is_there_changes_nothing(store):
    assert (await store.save(OLD, checksum(OLD), ANNA)).origin.user == ""
    assert not store.file.working.exists()


async def test_deploy(store):
    """The production file is the draft, its mode stays, and what it replaces is in the archive."""
    store.file.production.chmod(0o644)
    await store.save(NEW, checksum(OLD), ANNA)
    state = await store.deploy(checksum(NEW), checksum(OLD), valid, BEN)
    assert store.file.production.read_bytes() == NEW
    assert stat.S_IMODE(store.file.production.stat().st_mode) == 0o644
    assert (state.status, state.is_edited) == (Status.NOT_IN_PRODUCTION, False)
    in_force(store, NEW)
    assert store.state().status is Status.IN_PRODUCTION
    [version] = store.versions()
    assert (store.archived(version.name), version.sha256) == (OLD, checksum(OLD))
    assert stat.S_IMODE(store.file.archived(version.name).stat().st_mode) == 0o600


async def test_what_is_archived_already_is_not_archived_again(store):
    await store.archive("mine", OLD)
    await store.save(NEW, checksum(OLD), ANNA)
    await store.deploy(checksum(NEW), checksum(OLD), valid, ANNA)
    assert [version.name for version in store.versions()] == ["mine"]


async def test_an_invalid_draft_is_not_deployed(store):
    await store.save(NEW, checksum(OLD), ANNA)
    with pytest.raises(InvalidDraft) as error:
        await store.deploy(checksum(NEW), checksum(OLD), invalid, ANNA)
    assert error.value.validation.errors[0].pointer == "/a"
    assert store.file.production.read_bytes() == OLD
    assert store.versions() == []


async def test_a_file_that_was_dropped_in_meanwhile_is_not_overwritten(store):
    """The editor has seen another deployed file; the one who deploys must see this one first."""
    await store.save(NEW, checksum(OLD), ANNA)
    store.file.production.write_bytes(OTHER)
    assert store.state().is_outdated
    with pytest.raises(Conflict, match="deployed file"):
        await store.deploy(checksum(NEW), checksum(OLD), valid, ANNA)
    assert store.file.production.read_bytes() == OTHER
    await store.deploy(checksum(NEW), checksum(OTHER), valid, ANNA)
    assert store.file.production.read_bytes() == NEW


async def test_a_change_during_the_validation(store):
    await store.save(NEW, checksum(OLD), ANNA)

    async def slow(data):
        store.file.production.write_bytes(OTHER)
        return await valid(data)

    with pytest.raises(Conflict, match="while"):
        await store.deploy(checksum(NEW), checksum(OLD), slow, ANNA)
    assert store.file.production.read_bytes() == OTHER


async def test_a_draft_without_changes_follows_the_deployed_file(store):
    """Also after a deployment, whose draft stays on the disk."""
    await store.save(NEW, checksum(OLD), ANNA)
    await store.deploy(checksum(NEW), checksum(OLD), valid, ANNA)
    assert store.file.working.read_bytes() == NEW
    store.file.production.write_bytes(OTHER)
    assert (store.state().data, store.state().is_edited) == (OTHER, False)


@pytest.mark.parametrize("step", ["temporary file", "production", "draft"])
async def test_death_in_the_middle_of_a_deployment(store, step, monkeypatch):
    """Wherever the process dies, the production file is whole, and the next start shows a true state."""
    await store.save(NEW, checksum(OLD), ANNA)
    real, calls = atomic_file.write, []

    def dying(path, data, *arguments, **options):
        calls.append(path.name)
        if step == "temporary file" and path == store.file.production:
            path.with_name(f".{path.name}.1").write_bytes(data[:3])
            raise KeyboardInterrupt
        if step == "production" and path == store.file.production:
            real(path, data, *arguments, **options)
            raise KeyboardInterrupt
        if step == "draft" and path == store.file.working:
            raise KeyboardInterrupt
        real(path, data, *arguments, **options)

    monkeypatch.setattr(atomic_file, "write", dying)
    with pytest.raises(KeyboardInterrupt):
        await store.deploy(checksum(NEW), checksum(OLD), valid, ANNA)
    monkeypatch.undo()
    state = DraftStore(store.file, store.file.production.parents[1]).state()
    assert state.data == NEW
    assert state.deployed == (OLD if step == "temporary file" else NEW)
    assert state.is_edited is (step == "temporary file")
    assert not state.is_outdated


async def test_a_refused_deployment(store):
    """The reason is what ginit says, for the file that is deployed now."""
    in_force(store, OLD)
    await store.save(NEW, checksum(OLD), ANNA)
    refused(store, "the port is in use", checksum(OTHER))
    state = await store.deploy(checksum(NEW), checksum(OLD), valid, ANNA)
    assert (state.status, state.activation.phase) == (Status.NOT_IN_PRODUCTION, Phase.PENDING)
    refused(store, "the port is in use", checksum(NEW))
    state = store.state()
    assert (state.status, state.activation.reason) == (Status.REJECTED, "the port is in use")


def test_nobody_applies_the_file(store):
    assert store.state().activation.phase is Phase.NOT_RUNNING


async def test_discard(store):
    await store.save(NEW, checksum(OLD), ANNA)
    with pytest.raises(Conflict):
        await store.discard(checksum(OLD))
    assert (await store.discard(checksum(NEW))).data == OLD


async def test_archive(store):
    """Names are checked; an existing version is replaced only on request; deleting tells what is missing."""
    await store.archive("one", OLD)
    with pytest.raises(DraftError, match="already"):
        await store.archive("one", NEW)
    await store.archive("one", NEW, replace=True)
    assert store.archived("one") == NEW
    assert (store.file.archive_folder / "gl_config_one.json").read_bytes() == NEW
    (store.file.archive_folder / "gl_config_not ours.json").write_bytes(OLD)
    (store.file.archive_folder / "nats2file_config_two.json").write_bytes(OLD)
    assert [version.name for version in store.versions()] == ["one"]
    await store.delete_archived("one")
    with pytest.raises(DraftError):
        store.archived("one")
    with pytest.raises(DraftError):
        await store.delete_archived("one")


@pytest.mark.parametrize("name", ["", "../x", "a/b", "<x>", "a b", "x" * 65, "a.json", "ä", "a\x00"])
async def test_names_that_are_refused(store, name):
    with pytest.raises(DraftError, match="letters, digits"):
        await store.archive(name, OLD)
    with pytest.raises(DraftError):
        store.archived(name)
    assert not store.file.archive_folder.exists()


async def test_a_folder_that_cannot_be_written(store):
    """An error, and nothing has changed."""
    await store.save(NEW, checksum(OLD), ANNA)
    production = store.file.production
    production.unlink()
    production.mkdir()
    with pytest.raises(CannotWrite, match=f"^{production} cannot be written: is a directory. See that "):
        await store.deploy(checksum(NEW), None, valid, ANNA)
    assert store.state().data == NEW


async def test_a_deployment_whose_note_cannot_be_written_has_happened(store):
    draft = await store.save(NEW, store.state().sha256, ANNA)
    (store.file.working_folder / f".{store.file.origin.name.removeprefix('.')}.{os.getpid()}").mkdir()
    state = await store.deploy(draft.sha256, draft.deployed_sha256, valid, ANNA)
    assert (state.deployed, store.file.production.read_bytes()) == (NEW, NEW)
