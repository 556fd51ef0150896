"""healthcheck: tell whether a service, or the whole appliance, is healthy."""
