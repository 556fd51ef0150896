"""A processor as people write them, with plain nats-py and common habits, including unusual ones.

It listens on `coburn.gl.HABIT`. HABITS lists what it does there.
"""

import asyncio
import json
import os

import nats


def plain(data):
    message = json.loads(data)
    return json.dumps({"plain": {"model": message["ingress_payload"]["model"]}})


def whole_message_and_more(data):
    message = json.loads(data)
    message["echo_more"] = True
    return json.dumps(message)


def control(data):
    message = json.loads(data)
    if message["ingress_subpath"].startswith("blocked"):
        return json.dumps({"control": "blocked by someone"})
    if message["ingress_subpath"].startswith("nothing"):
        return json.dumps({"control": None})
    return ""


def change(data):
    message = json.loads(data)
    message["outbound_payload"]["changed"] = True
    return json.dumps(message)


def sign(data):
    message = json.loads(data)
    headers = message["egress_headers"]
    headers["X-Signed"] = ["someone"]
    return json.dumps({"egress_payload": {"signed": message["egress_payload"]}, "egress_headers": headers})


def judge(data):
    message = json.loads(data)
    return json.dumps({"judge": message["inbound_status_code"] == 200})


HABITS = {
    "plain": plain,
    "empty": lambda _: "",
    "braces": lambda _: "{}",
    "array": lambda _: '[{"array": 1}]',
    "text": lambda _: '"text"',
    "null": lambda _: "null",
    "garbage": lambda _: '{"garbage": ',
    "nulls": lambda _: json.dumps({"nulls": None, "other": None}),
    "echo": lambda data: data.decode(),
    "echo_more": whole_message_and_more,
    "spaced": lambda _: '\n{ "spaced" :\n\t[ 1 ,\r\n 2 ] }\n',
    "escaped": lambda _: json.dumps({"escaped": "é <b>"}),
    "twice": lambda _: '{"twice": 1, "twice": 2}',
    "control": control,
    "change": change,
    "sign": sign,
    "judge": judge,
}


async def main():
    bus = await nats.connect(f"nats://{os.environ['GECHOLOG_HOST']}", token=os.environ["NATS_TOKEN"])

    async def handler(message):
        habit = message.subject.split(".")[-1]
        answer = HABITS[habit](message.data).encode()
        await message.respond(answer)
        await message.respond(answer)  # a second reply

    for habit in HABITS:
        await bus.subscribe(f"coburn.gl.{habit}", queue="anything", cb=handler)
    await asyncio.Event().wait()


asyncio.run(main())
