"""gecholog: the library of the appliance, and the SDK for custom processors."""

__version__ = "1.1.0"
