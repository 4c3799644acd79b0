"""discord.py as a client of the load generator: discordpy_client.py GATEWAY_URL CA_FILE LAST

A bot with a handler that counts messages, and every other setting as it comes. What discord.py asks of the HTTP API
before it connects is answered here. Prints what python_client.py prints.
"""

import asyncio
import json
import logging
import ssl
import sys
import time

sys.modules["zstandard"] = sys.modules["compression.zstd"] = None  # so that it asks for zlib-stream

import aiohttp
import discord
import discord.gateway
import discord.http
import yarl

URL, CA, LAST = sys.argv[1], sys.argv[2], int(sys.argv[3])
USER = {"id": "81384788765712384", "username": "bench", "discriminator": "0001", "avatar": None, "bot": True}
APPLICATION = {"id": USER["id"], "name": "bench", "description": "", "icon": None, "bot_public": True,
               "bot_require_code_grant": False, "owner": USER, "verify_key": ""}


async def answer(self, route, **_):
    return USER if route.path == "/users/@me" else APPLICATION


class Bot(discord.Client):
    messages = 0

    async def on_message(self, message):
        self.messages += 1

    async def before_identify_hook(self, shard_id, *, initial=False):
        pass  # which waits for 5 s


async def main():
    discord.http.HTTPClient.request = answer
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(URL)
    logging.getLogger("discord").setLevel(logging.CRITICAL)
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=CA), limit=0)
    bot = Bot(intents=discord.Intents.all(), connector=connector, guild_ready_timeout=0.1)
    started = time.process_time()
    task = asyncio.create_task(bot.start("token"))
    while not task.done() and (bot.ws is None or (bot.ws.sequence or 0) < LAST):
        await asyncio.sleep(0.01)
    if task.done():
        await task
    cpu = time.process_time() - started
    print(json.dumps({"client": "discord.py", "events": LAST, "messages": bot.messages, "cpu_s": round(cpu, 4),
                      "us_per_event": round(cpu * 1e6 / LAST, 3), "version": discord.__version__}), flush=True)
    await bot.close()


asyncio.run(main())
