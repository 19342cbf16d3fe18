#!/usr/bin/env python3
"""A client that somebody else wrote, against the running server: curl, Python's websockets, or npm's ws and eventsource
(Chromium: browser.py).

In: the server's path, `curl`, `websockets` or `npm`, and a directory where npm may install its two. Out: a line, exit 1
when the client fails, 77 when it is not installed.
"""
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from wire import Wire


def post(base, topic, body):
    with urllib.request.urlopen(urllib.request.Request(f"{base}/topics/{topic}", data=body.encode()), timeout=5) as answer:
        return json.load(answer)


def presence(base, topic):
    with urllib.request.urlopen(f"{base}/topics/{topic}", timeout=5) as answer:
        return json.load(answer)["subscribers"]


def await_presence(base, topic, count, exactly=False):
    for _ in range(200):
        here = presence(base, topic)
        if here == count or here > count and not exactly:
            return True
        time.sleep(0.05)
    return False


def with_curl(base):
    def stream(*options):
        return subprocess.Popen(["curl", "-sN", "--max-time", "3", *options, f"{base}/sse/curl"], stdout=subprocess.PIPE, text=True)
    plain, squeezed = stream(), stream("--compressed")
    assert await_presence(base, "curl", 2)
    for i in range(3):
        post(base, "curl", f"m{i}")
    events = "id: 1\ndata: m0\n\nid: 2\ndata: m1\n\nid: 3\ndata: m2\n\n"
    for each in (plain, squeezed):
        out = each.communicate()[0]
        assert re.fullmatch(r"retry: \d+\n\n" + events, out), out
    back = stream("-H", "Last-Event-ID: 1").communicate()[0]
    assert re.fullmatch(r"retry: \d+\n\n" + events[len("id: 1\ndata: m0\n\n"):], back), back


def with_websockets(base):
    import websockets

    async def talk():
        url = base.replace("http", "ws")
        async with websockets.connect(f"{url}/ws/py") as plain, \
                websockets.connect(f"{url}/ws", subprotocols=["fanlight.json"]) as several:
            assert any(e.name == "permessage-deflate" for e in plain.extensions), plain.extensions
            assert several.subprotocol == "fanlight.json"
            await several.send(json.dumps({"subscribe": ["py", "other"]}))
            assert json.loads(await several.recv())["type"] == "subscribed"
            assert json.loads(await several.recv())["type"] == "subscribed"
            for body in ("short", "long " * 1000, "ünïcödé"):
                await asyncio.to_thread(post, base, "py", body)
                assert await asyncio.wait_for(plain.recv(), 5) == body
                assert json.loads(await asyncio.wait_for(several.recv(), 5))["data"] == body
            await (await plain.ping())
        for body in ("missed", "as well"):
            await asyncio.to_thread(post, base, "py", body)
        async with websockets.connect(f"{url}/ws/py?last-event-id=3") as back:
            assert [await asyncio.wait_for(back.recv(), 5) for _ in range(2)] == ["missed", "as well"]
    asyncio.run(asyncio.wait_for(talk(), 30))


# eventsource comes back by itself when its connection breaks; ws is told to.
NODE = r"""
const base = process.argv[2], WebSocket = require('ws'), es = require('eventsource');
const EventSource = es.EventSource || es;
const seen = { ws: [], sse: [] };
let first = true;
function talk(path) {
  const socket = new WebSocket(base.replace('http', 'ws') + path);
  socket.on('message', data => {
    seen.ws.push(data.toString());
    if (seen.ws.length == 3 && first) { first = false; socket.terminate(); }
  });
}
talk('/ws/npm');
process.stdin.once('data', () => talk('/ws/npm?last-event-id=' + seen.ws.length));
const stream = new EventSource(base + '/sse/npm');
stream.onmessage = e => seen.sse.push(e.lastEventId + ':' + e.data);
setInterval(() => {
  if (seen.ws.length >= 5 && seen.sse.length >= 5) { console.log(JSON.stringify(seen)); process.exit(0); }
}, 20);
setTimeout(() => { console.log(JSON.stringify(seen)); process.exit(1); }, 30000);
"""


def with_npm(base):
    modules = sys.argv[3]
    os.makedirs(modules, exist_ok=True)
    if not all(os.path.isdir(os.path.join(modules, "node_modules", name)) for name in ("ws", "eventsource")):
        install = ["npm", "install", "--prefix", modules, "--no-audit", "--no-fund", "--no-save", "--silent", "ws@8", "eventsource@2"]
        try:
            installed = shutil.which("npm") and not subprocess.run(
                install, timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
        except subprocess.TimeoutExpired:
            installed = False
        if not installed:
            raise FileNotFoundError("npm cannot install ws and eventsource")
    with tempfile.NamedTemporaryFile("w", suffix=".js", delete=False, dir=modules) as script:
        script.write(NODE)
    wire = Wire(int(base.rsplit(":", 1)[1]))
    try:
        process = subprocess.Popen(["node", script.name, f"http://127.0.0.1:{wire.port}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert await_presence(base, "npm", 2)
        for i in range(3):
            post(base, "npm", f"m{i}")
        assert await_presence(base, "npm", 1, exactly=True), "ws leaves after three"
        wire.cut()
        for i in range(3, 5):
            post(base, "npm", f"m{i}")
        seen = json.loads(process.communicate("come back\n", timeout=35)[0])
    finally:
        os.unlink(script.name)
    assert seen == {"ws": ["m0", "m1", "m2", "m3", "m4"], "sse": ["1:m0", "2:m1", "3:m2", "4:m3", "5:m4"]}, seen


def main():
    which = sys.argv[2]
    if which == "websockets":
        try:
            import websockets  # noqa: F401
        except ImportError:
            # Debian's package is for Debian's own interpreter, and another may come first in PATH.
            debian = "/usr/bin/python3"
            if os.path.exists(debian) and os.path.realpath(debian) != os.path.realpath(sys.executable):
                os.execv(debian, [debian, *sys.argv])
            print("left out: python3-websockets is not installed")
            return 77
    needed = {"curl": "curl", "npm": "node"}.get(which)
    if needed and not shutil.which(needed):
        print(f"left out: {needed} is not installed")
        return 77
    server = subprocess.Popen([sys.argv[1], "--listen", "127.0.0.1:0", "--sample-hz", "0"], stderr=subprocess.PIPE, text=True)
    base = re.search(r"http://\S+", server.stderr.readline()).group(0)
    threading.Thread(target=server.stderr.read, daemon=True).start()
    try:
        {"curl": with_curl, "websockets": with_websockets, "npm": with_npm}[which](base)
    except FileNotFoundError as missing:
        print(f"left out: {missing}")
        return 77
    except Exception as error:
        print(f"FAILED: {type(error).__name__}: {error}")
        return 1
    finally:
        server.terminate()
        server.wait()
    print("passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
