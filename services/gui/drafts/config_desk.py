"""The config files that the interface edits: their drafts, schemas and validations.

Schemas and validations come from the programs of the services. A validation takes about a second, so results are kept
for as long as draft, production file and secret store stay the same.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gecholog import regular_file, validation
from gecholog.environment import FILE, SECRET
from gecholog.finding import Finding
from gecholog.schema import Schema
from gecholog.secret_store import SecretStore
from gecholog.validation import Validation, ValidationFailed, Validator
from services.gui.config import Application, Config
from services.gui.drafts.config_file import ConfigFile
from services.gui.drafts.draft import checksum
from services.gui.drafts.draft_store import DraftStore
from services.gui.drafts.write_error import writing
from services.gui.fair_slots import FairSlots

_PROGRAMS = Path(__file__).parents[2] / "bin"  # our own, named as those of the original
_ROOT = Path(__file__).parents[3]
_TITLES = {
    "gl": ("Gateway", "Routers, models, providers, processors and limits of the gateway."),
    "nats2file": ("Log file", "The sink that writes records to a file."),
    "nats2log": ("Log target", "The sink that writes records to Elasticsearch, Azure or a REST API."),
    "tokencounter": ("Token caps", "Counts tokens and enforces the caps of routers."),
    "dummy": ("Dummy LLM", "An LLM API for development."),
    "ginit": ("Appliance", "Which programs run, and what happens when one fails."),
    "gui": ("Web interface", "The port, the sign-in and the files of this interface."),
    "prices": ("Prices", "Prices of models that differ from the table that ships with gecholog."),
}
_BESIDE = ("tokencounter", "dummy", "ginit", "gui")  # files beside that of gl, not named in gui_config.json
_NAMES_PROGRAMS = frozenset({"ginit", "gui"})
_KEPT = 64  # validations

# Each program takes a second of CPU, and tens of megabytes.
_AT_ONCE, _MOST_WAITING, _MOST_OF_ONE = 2, 16, 4
_BUSY = "too many config files are being checked at the moment: try again in some seconds"

_Key = tuple[str, str, str | None, str | None]
"""The name of a file, and the checksums of the draft, the production file and the secret store."""


@dataclass(frozen=True, slots=True)
class Work:
    """For whom a program runs. `is_first`: before those of others, because nobody else can repair the config."""

    user: str
    is_first: bool = False


class ConfigDesk:
    """All config files of an appliance. `environ` is the environment that the services have, too."""

    def __init__(self, config: Config, home: Path, environ: Mapping[str, str]) -> None:
        self.home = home.absolute()
        self.environ = environ
        self.secrets = SecretStore(self.home, environ)
        self._stores: dict[str, DraftStore] = {}
        self._schemas: dict[Path, asyncio.Task[Schema]] = {}
        self._validations: OrderedDict[_Key, Validation] = OrderedDict()
        self._running: dict[_Key, asyncio.Task[Validation]] = {}
        self.slots = FairSlots(_AT_ONCE, _MOST_WAITING, _MOST_OF_ONE, _BUSY)
        self.configure(config)

    def configure(self, config: Config) -> None:
        """Take over another gui_config.json. Drafts of files that stay the same are not affected."""
        stores = {}
        for file in self._files(config):
            old = self._stores.get(file.name)
            stores[file.name] = old if old is not None and old.file == file else DraftStore(file, self.home)
        self._stores = stores

    def store(self, name: str) -> DraftStore:
        """The drafts of a file. Raises LookupError if the file is unknown."""
        return self._stores[name]

    def stores(self) -> Iterator[DraftStore]:
        """All files, except those that do not exist and have nothing to begin with."""
        for store in self._stores.values():
            if store.file.production.exists() or store.template() is not None:
                yield store

    async def schema(self, file: ConfigFile) -> Schema:
        """The schema of a file. Raises ValidationFailed; the next call tries again then."""
        key = Path(file.validator.program, *file.validator.leading)
        task = self._schemas.get(key)
        if task is None:
            task = self._schemas[key] = asyncio.create_task(validation.schema_of(file.validator), name="schema")
        try:
            return await asyncio.shield(task)
        except ValidationFailed:
            self._schemas.pop(key, None)
            raise

    async def validate(self, file: ConfigFile, data: bytes, work: Work, *, fresh: bool = False) -> Validation:
        """Validate a content as a reload of the production file. `fresh`: do not take a result that was kept.

        Those who ask for the same at the same time share one validation. Raises ValidationFailed, TooBusy, CannotWrite,
        OSError.
        """
        deployed = _checksum(file.production)
        key = self._key(file, data)
        if not fresh and key in self._validations:
            self._validations.move_to_end(key)
            return self._validations[key]
        running = self._running.get(key)
        if running is None or fresh:
            running = asyncio.create_task(self._validated(file, data, deployed, work), name="validation")
            self._running[key] = running
            running.add_done_callback(lambda task: self._ended(key, task))
        # Others may wait for it: it goes on if the browser of this one goes away.
        found = await asyncio.shield(running)
        self._validations[key] = found
        while len(self._validations) > _KEPT:
            self._validations.popitem(last=False)
        return found

    def known_findings(self, file: ConfigFile, data: bytes) -> tuple[Finding, ...]:
        """The findings of a content that was validated before; empty if it was not."""
        kept = self._validations.get(self._key(file, data))
        return () if kept is None else kept.findings

    def _key(self, file: ConfigFile, data: bytes) -> _Key:
        return file.name, checksum(data), _checksum(file.production), _checksum(self.secrets.file)

    def _ended(self, key: _Key, task: asyncio.Task[Validation]) -> None:
        if self._running.get(key) is task:
            del self._running[key]
        if not task.cancelled():
            task.exception()  # whoever still waits gets it; nobody else need

    async def _validated(self, file: ConfigFile, data: bytes, deployed: str | None, work: Work) -> Validation:
        async with self.slots.taken(work.user, is_known=work.is_first):
            candidate = self.candidate(file)
            try:
                write_new(candidate, data)
                in_force = file.production if deployed is not None and file.checksum is not None else None
                return await validation.validate(file.validator, candidate, in_force)
            finally:
                candidate.unlink(missing_ok=True)

    async def close(self) -> None:
        """End the programs that still run."""
        running = [*self._running.values(), *self._schemas.values()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def candidate(self, file: ConfigFile) -> Path:
        """A new file for a program to read. Below `run`, services know that its neighbours are in the conf folder."""
        return self.home / "run" / "gui" / f"{file.name}_config_{secrets.token_hex(8)}.json"

    def _files(self, config: Config) -> Iterator[ConfigFile]:
        for application in config.applications.values():
            yield self._of_application(application, config)
        gl = config.applications["gl"].production_file
        for name in _BESIDE:
            yield self._of_service(name, gl.with_name(f"{name}_config.json"), config)
        yield self._prices(gl.with_name("prices.json"), config)

    def _of_application(self, application: Application, config: Config) -> ConfigFile:
        title, about = _TITLES[application.section]
        return ConfigFile(
            name=application.section,
            title=title,
            service=application.name,
            production=application.production_file,
            working_folder=config.working_directory,
            archive_folder=config.archive_directory,
            validator=self._validator(
                application.executable,
                application.config_command,
                application.validate_command,
                application.additional_arguments,
            ),
            template=_template(application),
            checksum=application.checksum_file,
            about=about,
        )

    def _of_service(self, name: str, production: Path, config: Config) -> ConfigFile:
        title, about = _TITLES[name]
        return ConfigFile(
            name=name,
            title=title,
            service=name,
            production=production,
            working_folder=config.working_directory,
            archive_folder=config.archive_directory,
            validator=self._validator(f"./{name}", "-o", "--validate", ()),
            template=_ROOT / "conf" / f"{name}_config.json",
            checksum=self.home / "checksum" / f".{name}_config.sha256",
            names_programs=name in _NAMES_PROGRAMS,
            about=about,
        )

    def _prices(self, production: Path, config: Config) -> ConfigFile:
        title, about = _TITLES["prices"]
        return ConfigFile(
            name="prices",
            title=title,
            service="gl",
            production=production,
            working_folder=config.working_directory,
            archive_folder=config.archive_directory,
            validator=Validator(
                Path(sys.executable), leading=("-P", "-m", "services.gl.prices"), environ=self.environment()
            ),
            template=Path(__file__).with_name("prices_template.json"),
            about=about,
        )

    def _validator(self, executable: str, config_option: str, option: str, arguments: tuple[str, ...]) -> Validator:
        program = find_program(executable)
        return Validator(
            program,
            config_option,
            option,
            arguments,
            speaks_json=program.resolve().parent == _PROGRAMS.resolve(),
            environ=self.environment(),
        )

    def is_own_file(self, name: str) -> bool:
        """Tell whether a file is in a folder of the appliance's own secrets and databases, also by a link."""
        path = Path(os.path.realpath(name))
        return any(path.is_relative_to(os.path.realpath(self.home / folder)) for folder in ("secrets", "data"))

    def is_set(self, name: str) -> bool:
        """Tell whether a variable has a value for the services, a file can be read, or a secret is in the store."""
        if name.startswith(FILE):
            return os.access(name.removeprefix(FILE), os.R_OK)
        if name.startswith(SECRET):
            return any(one.name == name.removeprefix(SECRET) for one in self.secrets.entries())
        return bool(self.environ.get(name))

    def environment(self) -> dict[str, str]:
        """The environment for programs of ours."""
        path = self.environ.get("PYTHONPATH")
        return {
            **self.environ,
            "GECHOLOG_HOME": str(self.home),
            "PYTHONPATH": f"{_ROOT}:{path}" if path else str(_ROOT),
        }


def find_program(executable: str) -> Path:
    """The program that a config names: in the working folder, else ours of this name, as ginit looks for it."""
    here, own = Path(executable), _PROGRAMS / executable
    return here.absolute() if here.is_file() or not own.is_file() else own


def _template(application: Application) -> Path:
    """The template that the config names; if it is missing, the one that is shipped."""
    file = application.template_file
    return file if file.exists() else _ROOT / "conf" / f"{application.section}_config.json"


def _checksum(path: Path) -> str | None:
    try:
        return checksum(regular_file.read_bytes(path))
    except OSError:
        return None


def write_new(path: Path, data: bytes) -> None:
    """Write a file that only this user may read. Raises CannotWrite, also if it exists."""
    with writing(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(data)
