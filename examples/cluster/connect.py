# ruff: noqa: INP001 - a program of its own
"""Let the services of an appliance use the bus of a cluster.

python3 connect.py CONF GATEWAY_ID SERVER…

CONF is the folder with the appliance's config files. Streams and buckets get three copies.
"""

import json
import pathlib
import sys

folder, gateway_id, servers = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
for name in ("gl", "tokencounter", "nats2file", "nats2log"):
    file = folder / f"{name}_config.json"
    values = json.loads(file.read_text())
    values["service_bus"].update(hostname=servers, user="appliance", replicas=3)
    if name == "gl":
        values["gateway_id"] = gateway_id
    file.write_text(json.dumps(values, indent=2) + "\n")
