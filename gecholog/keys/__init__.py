"""Client keys: their format, their entries in the bucket, and the snapshot in which a call looks its key up. Pure."""

from gecholog.keys.entry import KeyEntry, OwnerEntry
from gecholog.keys.snapshot import EMPTY, KeySnapshot, Rejection

__all__ = ["EMPTY", "KeyEntry", "KeySnapshot", "OwnerEntry", "Rejection"]
