# ruff: noqa: INP001 - a program of its own
"""Let the services of an appliance use the bus of a cluster.

python3 connect.py [--namespace NAME] CONF GATEWAY_ID SERVER…

CONF is the folder with the appliance's config files. Streams and buckets get three copies. With a namespace, the names
of streams and buckets begin with it, and subjects begin with NAME.gl in place of coburn.gl. Then the appliance shares
nothing with others on the same bus.
"""

import argparse
import json
import pathlib

parser = argparse.ArgumentParser()
parser.add_argument("--namespace", default="")
parser.add_argument("conf", type=pathlib.Path)
parser.add_argument("gateway_id")
parser.add_argument("servers", nargs="+")
given = parser.parse_args()

for name in ("gl", "tokencounter", "nats2file", "nats2log", "nats2ledger", "gui"):
    file = given.conf / f"{name}_config.json"
    text = file.read_text()
    if given.namespace:
        text = text.replace('"coburn.gl', f'"{given.namespace}.gl')
    values = json.loads(text)
    values["service_bus"].update(hostname=given.servers, user="appliance", replicas=3)
    if given.namespace:
        values["service_bus"]["namespace"] = given.namespace
        if name == "gui":
            values["service_bus"]["topic_audit"] = f"{given.namespace}.gl.audit"
    if name == "gl":
        values["gateway_id"] = given.gateway_id
    file.write_text(json.dumps(values, indent=2) + "\n")
