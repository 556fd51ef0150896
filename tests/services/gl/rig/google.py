"""Google Cloud for tests: issues tokens, is the metadata server of a machine, and serves models.

The token endpoint checks assertions as Google's does (RFC 7523, section 3; RFC 7518, section 3.3 for RS256).
"""

import base64
import json
import time
from email.utils import formatdate
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

EMAIL = "gl@my-project.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
REFUSED_CLOCK = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim."
)
_LEEWAY_S = 300


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class FakeGoogle:
    """`upstream` is the rig's server that it answers through; `models` answers the calls of models.

    `down` says that it issues no tokens; `skew_s` is how far its clock is ahead.
    """

    def __init__(self, upstream, models):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.issued = 0
        self.down = False
        self.skew_s = 0.0
        self.federated = ""
        self._models = models
        self._url = upstream.url
        upstream.behaviour = self.behave

    def key_file(self, folder):
        """The file with the key of a service account."""
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = folder / "service-account.json"
        fields = {"type": "service_account", "project_id": "my-project", "private_key_id": "1", "client_email": EMAIL}
        file.write_text(json.dumps(fields | {"private_key": pem.decode(), "token_uri": f"{self._url}/token"}))
        return file

    def behave(self, talk):
        path = talk.request.target.partition("?")[0]
        if path == "/token":
            self._by_assertion(talk, parse_qs(talk.request.body.decode()))
        elif path == "/sts":
            self.federated = parse_qs(talk.request.body.decode())["subject_token"][0]
            self._issue(talk, issued_token_type="urn:ietf:params:oauth:token-type:access_token")
        elif path == "/" or path.startswith("/computeMetadata/"):
            self._metadata(talk, path)
        elif talk.request.values("authorization") != [f"Bearer token-{self.issued}".encode()]:
            self._reply(talk, {"error": {"code": 401, "message": "no valid token", "status": "UNAUTHENTICATED"}}, 401)
        else:
            self._models(talk)

    def _by_assertion(self, talk, form):
        assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
        signed, _, signature = form["assertion"][0].rpartition(".")
        header, claims = (json.loads(_decoded(part)) for part in signed.split("."))
        now = time.time() + self.skew_s
        try:
            self.key.public_key().verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            self._refuse(talk, "Invalid JWT Signature.")
            return
        assert (header["alg"], claims["iss"], claims["scope"]) == ("RS256", EMAIL, SCOPE)
        assert claims["aud"] == "https://oauth2.googleapis.com/token"  # wherever the endpoint is
        age, lifetime = now - claims["iat"], claims["exp"] - claims["iat"]
        if abs(age) > _LEEWAY_S or lifetime > 3600:
            self._refuse(talk, REFUSED_CLOCK)
        else:
            self._issue(talk)

    def _metadata(self, talk, path):
        if self.down:
            talk.reset()
        elif path.endswith("/token"):
            self._issue(talk)
        else:
            body = b"my-project" if path.endswith("project-id") else b'{"email":"e","scopes":[],"aliases":["default"]}'
            kind = "text/plain" if path.endswith("project-id") else "application/json"
            talk.reply(body, 200, "Metadata-Flavor: Google", kind=kind)

    def _issue(self, talk, **more):
        if self.down:
            talk.reset()
            return
        self.issued += 1
        token = {"token_type": "Bearer", "expires_in": 3600, "access_token": f"token-{self.issued}"}
        self._reply(talk, token | more)

    def _refuse(self, talk, words):
        self._reply(talk, {"error": "invalid_grant", "error_description": words}, 400)

    def _reply(self, talk, value, status=200):
        talk.reply(json.dumps(value).encode(), status, f"Date: {formatdate(time.time() + self.skew_s, usegmt=True)}")
