"""Who may come in: addresses, cross-site requests, wrong passwords, the headers of responses. Pure."""
