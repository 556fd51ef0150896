"""What gl counts for Prometheus, and what it shows of its state. docs/observability.md lists all of it.

call_metrics   counts calls, one after another
bus_services   metrics of sinks and processors, which they tell on the bus
gateway_state  reads the state of the gateway when it is asked for
names          all metrics of gl
model_labels   which names of models are labels
"""
