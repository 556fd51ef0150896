"""The state of targets that gl keeps between calls. It survives reloads.

health          all of it, for the stages
breakers        the circuit breakers of all targets
rules           which targets of a config have one
sharing         their state is shared while a bus is in use
status_file     what healthcheck shows of it
replication     through a key-value bucket
breaker_update  the values in the bucket
latencies       how long targets take to respond
call_counts     how often models were called
bounded_map     a map of limited size
"""
