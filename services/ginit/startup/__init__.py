"""From a command to a running supervisord, before anything is decided.

`entrypoint`, where the container begins: default configs and secrets that are missing (`prepare`) → `setup`: the
config, a folder for sockets, `ports` that are free → `launcher`, which runs supervisord. That starts `services.ginit`
again, which then decides. `make up` (`services.ginit.up`) puts a terminal before it (`services.ginit.terminal`).
"""
