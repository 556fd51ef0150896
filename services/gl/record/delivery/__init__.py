"""Delivers records to the bus: accepts, publishes and acknowledges them, or queues them while the bus is down."""
