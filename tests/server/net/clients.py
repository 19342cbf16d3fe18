#!/usr/bin/env python3
"""Clients that other people wrote, against the running server: curl, Python's websockets, npm's ws and eventsource
(Chromium: browser.py). Those that are not installed are named and left out.

In: the server's path, and a directory where npm may install its two. Out: a line per client, exit 1 when one fails.
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


def post(base, topic, body):
    with urllib.request.urlopen(urllib.request.Request(f"{base}/topics/{topic}", data=body.encode()), timeout=5) as answer:
        return json.load(answer)


def presence(base, topic):
    with urllib.request.urlopen(f"{base}/topics/{topic}", timeout=5) as answer:
        return json.load(answer)["subscribers"]


def await_presence(base, topic, count):
    for _ in range(200):
        if presence(base, topic) >= count:
            return True
        time.sleep(0.05)
    return False


def with_curl(base):
    process = subprocess.Popen(["curl", "-sN", "--compressed", "--max-time", "3", f"{base}/sse/curl"],
                               stdout=subprocess.PIPE, text=True)
    assert await_presence(base, "curl", 1)
    for i in range(3):
        post(base, "curl", f"m{i}")
    out = process.communicate()[0]
    assert "id: 1\ndata: m0\n\nid: 2\ndata: m1\n\nid: 3\ndata: m2\n\n" in out, out


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
    asyncio.run(asyncio.wait_for(talk(), 30))


NODE = r"""
const base = process.argv[2], WebSocket = require('ws'), es = require('eventsource');
const EventSource = es.EventSource || es;
const seen = { ws: [], sse: [] };
const socket = new WebSocket(base.replace('http', 'ws') + '/ws/npm');
socket.on('message', data => seen.ws.push(data.toString()));
const stream = new EventSource(base + '/sse/npm');
stream.onmessage = e => seen.sse.push(e.lastEventId + ':' + e.data);
setInterval(() => {
  if (seen.ws.length >= 3 && seen.sse.length >= 3) { console.log(JSON.stringify(seen)); process.exit(0); }
}, 20);
setTimeout(() => { console.log(JSON.stringify(seen)); process.exit(1); }, 8000);
"""


def with_npm(base):
    modules = sys.argv[2]
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
    try:
        process = subprocess.Popen(["node", script.name, base], stdout=subprocess.PIPE, text=True)
        assert await_presence(base, "npm", 2)
        for i in range(3):
            post(base, "npm", f"m{i}")
        seen = json.loads(process.communicate(timeout=10)[0])
    finally:
        os.unlink(script.name)
    assert seen == {"ws": ["m0", "m1", "m2"], "sse": ["1:m0", "2:m1", "3:m2"]}, seen


def main():
    server = subprocess.Popen([sys.argv[1], "--listen", "127.0.0.1:0", "--sample-hz", "0"], stderr=subprocess.PIPE, text=True)
    base = re.search(r"http://\S+", server.stderr.readline()).group(0)
    threading.Thread(target=server.stderr.read, daemon=True).start()
    failed = False
    try:
        for name, needs, run in (("curl", "curl", with_curl), ("python3-websockets", None, with_websockets),
                                 ("npm ws and eventsource", "node", with_npm)):
            if needs and not shutil.which(needs):
                print(f"{name}: left out, not installed")
                continue
            try:
                run(base)
                print(f"{name}: passed")
            except (ImportError, FileNotFoundError) as missing:
                print(f"{name}: left out, {missing}")
            except Exception as error:
                failed = True
                print(f"{name}: FAILED, {type(error).__name__}: {error}")
    finally:
        server.terminate()
        server.wait()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
