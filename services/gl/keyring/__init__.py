"""The client keys in force: watched in the bucket, held in memory, mirrored on disk."""

from services.gl.keyring.keyring import Keyring, Unavailable

__all__ = ["Keyring", "Unavailable"]
