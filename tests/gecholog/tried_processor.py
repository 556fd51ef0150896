"""A processor that does what a message says, as a program. CONCURRENCY is how much of it at a time."""

import asyncio
import os
import time

from gecholog.processor import Processor, Request, Response

processor = Processor("tried", concurrency=int(os.environ.get("CONCURRENCY", "64")), version="2.3.4")


@processor.request
async def on_request(request: Request) -> dict[str, object]:
    if "wait" in request:
        await asyncio.sleep(request["wait"])
    if "fail" in request:
        raise ValueError(request["fail"])
    if "large" in request:
        return {"large": "x" * request["large"]}
    return {"number": request.get("number")}


@processor.response
def on_response(response: Response) -> dict[str, object]:
    if "block" in response:
        time.sleep(response["block"])
    return {"number": response.get("number")}


if __name__ == "__main__":
    processor.run()
