#!/usr/bin/env python3
"""A server of event streams for comparing load testers. In: a port. Out: what its clients did, at /counts.

/endless sends an event every 200 ms for ever, /finite twenty of them and then ends. Like most push servers it does not
read after the request, so that a client that goes away shows as CLOSE_WAIT until the next event. Events are test messages
as load/payload.hpp writes them, so that fanlight-load finds latencies in them.
"""
import asyncio
import json
import socket
import sys
import time

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
CLOSE_WAIT = 8  # as TCP_INFO has it
counts = {"opened": 0, "open": 0, "finished": 0, "reset_by_client": 0, "gone": 0, "most_in_close_wait": 0}
sockets = set()


def state_of(one):
    try:
        return one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    except OSError:  # closed, and not yet taken off
        return None


async def watch():
    """A look from outside would come before the next event, or after it, as it happens."""
    while True:
        waiting = sum(state_of(one) == CLOSE_WAIT for one in sockets)
        counts["most_in_close_wait"] = max(counts["most_in_close_wait"], waiting)
        await asyncio.sleep(0.005)


def event(sequence):
    text = f"fl2 {7:08x} {0:02x} {sequence:08x} {sequence:08x} {time.monotonic_ns():014x}".ljust(128, ".")
    return f"id: {sequence + 1}\ndata: {text}\n\n".encode()


async def stream(writer, events):
    counts["opened"] += 1
    counts["open"] += 1
    own = writer.get_extra_info("socket")
    sockets.add(own)
    try:
        writer.write(HEAD)
        sequence = 0
        while events is None or sequence < events:
            writer.write(event(sequence))
            await writer.drain()
            sequence += 1
            await asyncio.sleep(0.2 if events is None else 0.02)
        counts["finished"] += 1
    except ConnectionResetError:
        counts["reset_by_client"] += 1
    except OSError:
        counts["gone"] += 1
    finally:
        counts["open"] -= 1
        sockets.discard(own)


async def serve(reader, writer):
    try:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
        if path == b"/counts":
            body = json.dumps(counts).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()
        elif path in (b"/endless", b"/finite"):
            await stream(writer, None if path == b"/endless" else 20)
        else:
            writer.write(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), backlog=512)
    print(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.gather(server.serve_forever(), watch())


asyncio.run(main())
