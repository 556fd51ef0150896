"""From a command to a running supervisord, before anything is decided.

`up` (make up) → `foreground`, which has a terminal and a few words for people → `entrypoint`, where the container
begins: default configs and secrets that are missing (`prepare`) → `setup`: the config, a place for sockets, `ports`
that are free → `launch`, which becomes supervisord. That starts `services.ginit` again, which then decides.
"""
