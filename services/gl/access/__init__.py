"""Who may call: client keys in a request, what a key allows, and programs on the same machine."""
