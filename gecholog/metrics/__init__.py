"""Metrics of a process: counted in memory, merged over processes, shown as Prometheus text.

family       what a metric is called, and how values of several processes become one
snapshot     the values of all metrics at one moment; `merge`, `to_json` and `of_json`
instruments  counters, gauges and histograms that a process counts with
process      what the operating system knows of this process
exposition   a snapshot as text for Prometheus; it imports prometheus_client, and the other modules import nothing
"""
