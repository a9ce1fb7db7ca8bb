"""A worker of limpet in Python: a small HTTP server that gets its connections from limpet and never listens itself.

    PYTHONPATH=/usr/local/share/limpet/python limpet run -w 4 -l :8080 -- python3 worker.py

It answers every request with its place in the pool and with who limpet says the client is. See limpet-worker(7).
"""

import asyncio
import os

import limpet_worker

SLOT = os.environ.get("LIMPET_SLOT", "?")
KEEP_ALIVE = 5  # seconds until the next request has to be there


async def next_request(reader):
    """The head of it; nothing if none comes."""
    try:
        return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), KEEP_ALIVE)
    except (asyncio.TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return b""


async def handle(reader, writer, client):
    while (await next_request(reader)).startswith(b"GET "):
        body = f"worker {SLOT}, client {client}\n".encode()
        last = client.draining.is_set()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n%s\r\n%s"
                     % (len(body), b"Connection: close\r\n" if last else b"", body))
        await writer.drain()
        if last:
            break


if __name__ == "__main__":
    asyncio.run(limpet_worker.serve(handle, limit=10000))
