#!/usr/bin/env python3
"""The Python package as a client of the load generator.

    python_client.py WAY GATEWAY_URL CA_FILE LAST [none|zlib|zstd]

WAY is how the MESSAGE_CREATE events are counted:
    iterate   async for over every event
    named     the same with events=["MESSAGE_CREATE"]: the others do not cross into Python
    handler   @cluster.on("MESSAGE_CREATE"), a plain function
    blocking  for over every event, without asyncio
    data      as iterate, and event.data of each message is parsed
LAST is the sequence of the last event. One line of JSON says what it took: user and system time of the whole process
from the start of the cluster, for each event that the gateway sent.

Needs the package: installed, or PYTHONPATH=bindings/python/src.
"""

import asyncio
import json
import sys
import time

import swiftgateway
from swiftgateway import BlockingCluster, Cluster, Compression, EventKinds, Intents

WAY, URL, CA = sys.argv[1:4]
LAST = int(sys.argv[4])
COMPRESSION = Compression[(sys.argv[5] if len(sys.argv) > 5 else "zlib").upper()]
OPTIONS = {
    "gateway_url": URL,
    "ca_file": CA,
    "shards": 1,
    "compression": COMPRESSION,
    "kinds": EventKinds.DISPATCH | EventKinds.ERROR | EventKinds.CLOSED,
}
INTENTS = Intents.GUILDS | Intents.GUILD_MESSAGES
started = time.process_time()


def report(messages, sequence):
    cpu = time.process_time() - started
    print(json.dumps({"client": "python", "way": WAY, "events": sequence, "messages": messages, "cpu_s": round(cpu, 4),
                      "us_per_event": round(cpu * 1e6 / sequence, 3), "version": swiftgateway.__version__}), flush=True)


async def iterate():
    options = dict(OPTIONS)
    if WAY == "named":
        options["events"] = ["MESSAGE_CREATE"]
    messages = 0
    async with Cluster("benchmark", INTENTS, **options) as cluster:
        # The last event may be one that does not come: then the iteration ends with the cluster.
        watch = asyncio.create_task(delivered(cluster, close=True)) if WAY == "named" else None
        async for event in cluster:
            if event.name == "MESSAGE_CREATE":
                messages += 1
                if WAY == "data":
                    event.data["author"]
            if event.sequence == LAST and not watch:
                break
        if watch:
            await watch
        report(messages, LAST)


async def delivered(cluster, close=False):
    """Until everything is delivered or was filtered out."""
    while not cluster.shard_ids() or cluster.info(0).sequence_delivered < LAST:
        await asyncio.sleep(0.01)
    if close:
        await cluster.close()


async def handle():
    cluster = Cluster("benchmark", INTENTS, **OPTIONS)
    messages = 0

    @cluster.on("MESSAGE_CREATE")
    def message(event):
        nonlocal messages
        messages += 1

    async with cluster:
        await delivered(cluster)
        report(messages, LAST)


def block():
    messages = 0
    with BlockingCluster("benchmark", INTENTS, **OPTIONS) as cluster:
        for event in cluster:
            if event.name == "MESSAGE_CREATE":
                messages += 1
            if event.sequence == LAST:
                break
        report(messages, LAST)


if WAY == "blocking":
    block()
else:
    asyncio.run(handle() if WAY == "handler" else iterate())
