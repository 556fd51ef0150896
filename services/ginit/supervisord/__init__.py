"""All glue to supervisord: nothing outside this folder imports `supervisor` or speaks its protocols.

supervisord owns the processes, and ginit decides what happens to them. Three processes load modules of this folder:

- the launcher, in which supervisord runs: `run`, `exit_code.ExitCode`, `descriptors`;
- the same process, as plugins that supervisord.conf names: `stop_wait`, `socket_repair`, `guard`;
- ginit, which supervisord starts as an event listener: `client` (XML-RPC requests), `listener` (events), `parent`
  (signals to the launcher), `program` (config sections and start scripts), `exit_code.decide`.

Used of supervisord:

- It starts each service in a process group of its own, reaps what has ended, and keeps the exit status.
- To stop a service it sends SIGTERM, and SIGKILL to the group after `stopwaitsecs` (`killasgroup`). `stop_wait`
  changes that number at run time, because supervisord reads it only once.
- At its own end it stops all services in the order of `priority`: gl first, then the others, nats-server, ginit last.
- Its XML-RPC API on a Unix socket. `reloadConfig`, `addProcessGroup` and `removeProcessGroup` add and remove services
  while it runs. `socket_repair` creates the socket again if it is removed.
- Its event listener protocol, for the events that a process has ended or that supervisord is stopping.
- It starts ginit again when that has ended (`autorestart`), and `guard` kills a ginit that hangs: the one case in which
  supervisord decides.

Switched off, or not used, in supervisord.conf and `program.program_section`:

- **Starting and restarting services** (`autostart`, `autorestart`, `startsecs`, `startretries`). supervisord takes a
  process that runs for a second for a success. It knows neither healthy outputs, nor config checks, nor the order in
  which services wait for each other, nor `max_starts`.
- **Log files and output events** (`stdout_logfile=NONE`). It cuts output into chunks, even inside a character, and
  drops chunks when many come. Services write to named pipes that ginit reads (`services.ginit.output`).
- **The event buffer of 10** (`buffer_size=1000`). A full buffer drops the oldest event. ginit sees the gap in the
  serial numbers and asks for the state of all processes instead.
- **Its own log on standard output** (`silent`): that belongs to the system log. Its file is `run/supervisord.log`.
- **Closing descriptors and raising limits** (`minfds=8`, `minprocs=1`): see `descriptors`; the launcher
  sets the limits.
- **Values in its config files**: these have no quotes. Paths and arguments stand in a shell script of each service.
- **The HTTP port, supervisorctl, daemon mode, other users**: who may open the socket is decided by file permissions.
"""
