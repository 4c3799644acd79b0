"""The Python libraries as clients of the load generator; run by the line "peers" in an environment of its own.

    peers.py discord.py|hikari API_URL GATEWAY_URL CA_FILE SHARDS

Each does what a small bot does: it has a handler for messages, caches and all other settings as they come. It runs until
it is killed; what it costs is read from outside.
"""

import asyncio
import logging
import ssl
import sys

kind, api, gateway, ca, shards = sys.argv[1:]
shards = int(shards)
context = ssl.create_default_context(cafile=ca)
token = "ODEzODQ3ODg3NjU3MTIzODQ.x.x"  # hikari reads the bot's id out of it
messages = 0


async def discord_py():
    sys.modules["zstandard"] = sys.modules["compression.zstd"] = None  # so that it asks for zlib-stream
    import aiohttp
    import discord
    import discord.gateway
    import discord.http
    import yarl

    discord.http.Route.BASE = api + "/api/v10"
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
    logging.getLogger("discord").setLevel(logging.CRITICAL)

    class Bot(discord.AutoShardedClient):
        async def on_message(self, message):
            global messages
            messages += 1

        async def before_identify_hook(self, shard_id, *, initial=False):
            pass  # which waits for 5 s

    bot = Bot(intents=discord.Intents.all(), shard_count=shards,
              connector=aiohttp.TCPConnector(ssl=context, limit=0), guild_ready_timeout=0.1)
    await bot.start(token)


async def hikari_bot():
    import hikari
    import hikari.impl

    bot = hikari.GatewayBot(token, intents=hikari.Intents.ALL, rest_url=api + "/api/v10", banner=None, logs=None,
                            http_settings=hikari.impl.HTTPSettings(ssl=context))

    async def on_message(event):
        global messages
        messages += 1

    bot.event_manager.subscribe(hikari.MessageCreateEvent, on_message)
    await bot.start(shard_count=shards, check_for_updates=False)
    await bot.join()


asyncio.run(discord_py() if kind == "discord.py" else hikari_bot())
