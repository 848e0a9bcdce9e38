"""Posts the events of a channel to a web server, as JSON.

python examples/webhook.py alarms http://127.0.0.1:8080/hook
"""

import asyncio
import json
import sys
from urllib.request import Request, urlopen

from openais.evt import AsyncEvt, Event

TIMEOUT_S = 5.0


def post(url: str, event: Event) -> int:
    """Posts one event; the status that was answered."""
    body = {
        "event_id": event.event_id,
        "node": event.node_id,
        "publisher": event.publisher,
        "patterns": [pattern.decode(errors="replace") for pattern in event.patterns],
        "priority": event.priority,
        "data": event.data.decode(errors="replace"),
        "lost": event.lost,
    }
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=TIMEOUT_S) as answer:
        return int(answer.status)


async def main(channel_name: str, url: str) -> None:
    """Posts one event after the other; those that come meanwhile wait, the urgent ones ahead."""
    async with AsyncEvt.open() as evt, await evt.open_channel(channel_name, retry=True) as channel:
        subscription = await channel.subscribe()
        print("forwarding", flush=True)
        async for event in subscription:
            try:
                status = await asyncio.to_thread(post, url, event)
            except OSError as error:
                print(f"event {event.event_id}: {error}", flush=True)
            else:
                print(f"event {event.event_id}: {status}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
