"""ginit: decides what happens to the services of the appliance. supervisord owns their processes."""
