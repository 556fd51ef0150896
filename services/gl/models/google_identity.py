"""Google Cloud: as whom gl calls a provider that takes tokens of Google. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class GoogleIdentity:
    """The identity in a file: the key of a service account, or the config of a workload identity federation.

    Without a file it is the identity of the machine (Application Default Credentials): the file that the variable
    GOOGLE_APPLICATION_CREDENTIALS names, the login of the gcloud CLI, or the metadata server.
    https://cloud.google.com/docs/authentication/application-default-credentials
    """

    ISSUER: ClassVar = "Google"

    credentials_file: str = ""
