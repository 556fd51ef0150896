"""ginit: decides over the services of the appliance. supervisord owns their processes."""
