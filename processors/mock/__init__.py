"""mock: records the last response of each router, and replays it below `/mock/`."""
