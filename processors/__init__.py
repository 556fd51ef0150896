"""The processors that ship with gecholog."""
