"""The processors that come with the appliance."""
