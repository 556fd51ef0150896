"""healthcheck: checks the health of a service or of the whole appliance."""
