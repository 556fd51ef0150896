"""The services of the appliance."""
