"""mock: remembers the last response of each router, and gives it back below `/mock/`."""
