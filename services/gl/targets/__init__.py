"""What gl remembers of targets from one call to the next. It outlives configs: a reload does not make a target well.

health          all of it, as stages get it
breakers        the circuit breakers of all targets
rules           which targets of a config have one
sharing         their state is shared while a bus is in use
status_file     what healthcheck shows of it
replication     through a key-value bucket
breaker_update  the values in the bucket
latencies       how long targets take to respond
turns           how often models were called
latest          a map of limited size
"""
