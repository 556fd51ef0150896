"""The JSON that the management API takes and gives. Times are texts in UTC (RFC 3339)."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from services.gui.roles import Role

Name = Annotated[str, Meta(min_length=1, max_length=64)]
Positive = Annotated[int, Meta(ge=1, lt=2**53)]


class Failure(msgspec.Struct):
    """Why a request was refused."""

    status: int
    message: str


class Refusal(msgspec.Struct):
    """The body of every response with a status of 400 and above."""

    error: Failure


class Service(msgspec.Struct):
    """A service of the appliance; `checksum` is the SHA-256 of its config in force."""

    name: str
    state: str
    reason: str
    checksum: str


class Health(msgspec.Struct):
    """The state of the appliance. `managed` is false if the interface runs without one."""

    version: str
    managed: bool
    healthy: bool
    bus: bool
    problems: list[str]
    services: list[Service]


class Me(msgspec.Struct):
    """Who makes the request."""

    name: str
    role: Role
    payloads: bool


class UserOut(msgspec.Struct):
    """A user. `managed`: the environment gives the password."""

    name: str
    role: Role
    payloads: bool
    disabled: bool
    must_change: bool
    managed: bool
    created: str
    last_sign_in: str | None


class UserNew(msgspec.Struct, forbid_unknown_fields=True):
    """A new user."""

    name: Name
    role: Role = Role.VIEWER
    payloads: bool = False


class UserChange(msgspec.Struct, forbid_unknown_fields=True):
    """What a user may do from now on. All of it is replaced."""

    role: Role
    payloads: bool = False
    disabled: bool = False


class FirstPassword(msgspec.Struct):
    """The password of a new user, which is not shown again and has to be changed."""

    name: str
    password: str


class TokenOut(msgspec.Struct):
    """An API token, without its text."""

    id: str
    name: str
    role: Role
    made_by: str
    created: str
    expires: str
    used: str | None


class TokenNew(msgspec.Struct, forbid_unknown_fields=True):
    """A new API token."""

    name: Name
    role: Role = Role.VIEWER
    days: Annotated[int, Meta(ge=1, le=366)] = 90


class TokenMade(msgspec.Struct):
    """A new API token. `token` is not shown again."""

    token: str
    info: TokenOut


class SessionOut(msgspec.Struct):
    """A session of a user in a browser."""

    id: str
    user: str
    address: str
    agent: str
    created: str
    seen: str


class AuditOut(msgspec.Struct):
    """An entry of the audit log. `before` and `after` are checksums; `number` is for the next page."""

    number: int
    time: str
    actor: str
    address: str
    action: str
    subject: str
    before: str
    after: str
    detail: dict[str, Any]


class Call(msgspec.Struct):
    """A call that has ended."""

    transaction_id: str
    session_id: str
    started: str
    duration_ms: float
    router: str
    method: str
    subpath: str
    status: int
    model: str
    provider: str
    client: str
    prompt_tokens: int | None
    completion_tokens: int | None
    total_tokens: int | None
    cost_usd: float | None


class Quotas(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Limits of a key; absent: no limit."""

    rpm: Positive | None = None
    tpm: Positive | None = None
    rpd: Positive | None = None
    concurrency: Positive | None = None
    default_output_tokens: Positive | None = None


class Budget(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a key may spend in a calendar period: USD as a decimal text, or tokens."""

    period: Annotated[str, Meta(description="day, week or month")]
    usd: str | None = None
    tokens: Positive | None = None
    time_zone: str | None = None


class KeySettings(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a client key may do. A field that is absent does not restrict."""

    name: Annotated[str, Meta(min_length=1, max_length=256)]
    owner: str = ""
    tags: list[str] = []
    models: list[str] | None = None
    routers: list[str] | None = None
    quotas: Quotas | None = None
    budget: Budget | None = None
    expires: str | None = None
    disabled: bool = False
    allow_unpriced: bool = False
    record_payloads: bool = True
    max_output_tokens: Positive | None = None
    max_body_bytes: Positive | None = None
    metadata: dict[str, Any] = {}


class KeyRotation(msgspec.Struct, forbid_unknown_fields=True):
    """A new secret for a key. The present one is valid for some days more."""

    days: Annotated[int, Meta(ge=0, le=366)] = 1


class KeyOut(msgspec.Struct):
    """A client key without its text. `entry` is as `keys show --json` prints it; `revision` is for a change."""

    id: str
    state: str
    revision: int
    entry: dict[str, Any]


class KeyMade(msgspec.Struct):
    """A client key with its text, which is not shown again."""

    secret: str
    key: KeyOut


class ConfigFinding(msgspec.Struct):
    """What the validation of a draft has found. `pointer` is a JSON pointer; an error makes the draft invalid."""

    severity: str
    message: str
    pointer: str
    line: int | None
    consequence: str


class ConfigOut(msgspec.Struct):
    """A config file: its draft, the deployed file, and what the running service reports.

    `valid` is null if the draft was not validated. `reason` says why the deployed file is not in force.
    """

    name: str
    title: str
    file: str
    status: str
    reason: str
    draft_sha256: str
    deployed_sha256: str | None
    in_force_sha256: str | None
    changed_by: str
    valid: bool | None
    findings: list[ConfigFinding]


class ConfigText(msgspec.Struct, forbid_unknown_fields=True):
    """The text of a config file."""

    text: str


class ConfigDeployment(msgspec.Struct, forbid_unknown_fields=True):
    """The checksums of the draft and of the deployed file (null if there is none) that the deployment is based on."""

    draft_sha256: str
    deployed_sha256: str | None = None


class SecretOut(msgspec.Struct):
    """A secret of the store, without its value. `hosts` are those that it may be sent to."""

    name: str
    hosts: list[str]
    changed: str
    changed_by: str


class SecretNew(msgspec.Struct):
    """The value of a secret, and the hosts that it may be sent to. They are replaced together."""

    value: Annotated[str, Meta(min_length=1, max_length=16_384)]
    hosts: Annotated[list[Annotated[str, Meta(max_length=300)]], Meta(min_length=1, max_length=100)]
