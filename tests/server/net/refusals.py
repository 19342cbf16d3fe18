#!/usr/bin/env python3
"""Bad input against the running server, a row each: the right answer comes, exactly one cause is counted, and the sums hold.

In: the server's path. Out: a line per failed row, exit 1 when there is one.
"""
import base64
import hashlib
import hmac
import json
import re
import socket
import struct
import subprocess
import sys
import time

FAMILIES = ("http_refusals_total", "command_refusals_total", "websocket_violations_total", "errors_total",
            "connections_refused_total")
UPGRADE = ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def request(method, target, body=b"", headers="Host: t\r\n"):
    body = body if isinstance(body, bytes) else body.encode()
    length = f"Content-Length: {len(body)}\r\n" if method == "POST" else ""
    return f"{method} {target} HTTP/1.1\r\n{headers}{length}\r\n".encode() + body


def get(target, headers=""):
    return request("GET", target, headers="Host: t\r\n" + headers)


def post(target, body=b"x", headers=""):
    return request("POST", target, body, "Host: t\r\n" + headers)


def frame(opcode, payload=b"", fin=True, rsv=0, masked=True, size=None):
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    mask = 0x80 if masked else 0
    length = len(payload) if size is None else size
    if length <= 125:
        head = struct.pack("!BB", first, mask | length)
    elif length <= 0xFFFF:
        head = struct.pack("!BBH", first, mask | 126, length)
    else:
        head = struct.pack("!BBQ", first, mask | 127, length)
    return head + (b"\0\0\0\0" if masked else b"") + payload


def jwt(claims, key=b"key", algorithm="HS256"):
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")
    signed = part(json.dumps({"alg": algorithm}).encode()) + b"." + part(json.dumps(claims).encode())
    return (signed + b"." + part(hmac.new(key, signed, hashlib.sha256).digest())).decode()


class Server:
    def __init__(self, *options):
        self.process = subprocess.Popen([sys.argv[1], "--listen", "127.0.0.1:0", "--workers", "2", "--sample-hz", "0", *options],
                                        stderr=subprocess.PIPE, text=True)
        self.port = int(re.search(r":(\d+)$", self.process.stderr.readline().strip()).group(1))

    def connect(self, source="127.0.0.1"):
        return socket.create_connection(("127.0.0.1", self.port), timeout=10, source_address=(source, 0))

    def metrics(self):
        with self.connect() as connection:
            connection.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            page = b""
            while got := connection.recv(1 << 16):
                page += got
        samples = re.findall(r"^fanlight_server_(\S+?)(?:\{(.*)\})? (\S+)$", page.decode(), re.MULTILINE)
        return {(name, labels): float(value) for name, labels, value in samples}

    def stop(self):
        self.process.terminate()
        out = self.process.communicate(timeout=20)[1]
        return "" if self.process.returncode == 0 else f"exit {self.process.returncode}: {out}"


def read_answer(connection):
    """The status, and all of the answer up to the end of its body; 0 when the connection ends before."""
    data = b""
    try:
        while b"\r\n\r\n" not in data:
            got = connection.recv(1 << 16)
            if not got:
                return 0, data
            data += got
        head = data.split(b"\r\n\r\n", 1)[0]
        length = re.search(rb"\r\nContent-Length: (\d+)", head)
        while length and len(data) < len(head) + 4 + int(length.group(1)):
            got = connection.recv(1 << 16)
            if not got:
                break
            data += got
        return int(head[9:12]), data
    except ConnectionResetError:
        return 0, data


def read_frame(connection):
    """(opcode, payload) of the server's next frame; None when the connection ends."""
    def take(count):
        data = b""
        while len(data) < count:
            got = connection.recv(count - len(data))
            if not got:
                raise EOFError
            data += got
        return data
    try:
        first, size = take(2)
        if size == 126:
            size, = struct.unpack("!H", take(2))
        elif size == 127:
            size, = struct.unpack("!Q", take(8))
        return first & 0x0F, take(size)
    except (EOFError, ConnectionResetError):
        return None


def upgraded(server, path, headers=""):
    connection = server.connect()
    connection.sendall(get(path, UPGRADE + headers))
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(1)
    assert head.startswith(b"HTTP/1.1 101"), head
    return connection


def expects_status(sent, status):
    """The answer has that status and, as a refusal, says in JSON what was wrong and what to do."""
    def check(server):
        with server.connect() as connection:
            connection.sendall(sent)
            got, data = read_answer(connection)
            if got != status:
                return f"wanted {status}, got {got}: {data[:200]!r}"
            if status >= 400:
                body = json.loads(data.split(b"\r\n\r\n", 1)[1])
                if not body["error"] or not body["hint"]:
                    return f"no hint: {body}"
        return ""
    return check


def expects_close(path, sent, code, headers=""):
    def check(server):
        with upgraded(server, path, headers) as connection:
            try:
                connection.sendall(sent)
            except OSError:
                pass
            while (got := read_frame(connection)) and got[0] != CLOSE:
                pass
            return "" if got and struct.unpack("!H", got[1][:2])[0] == code else f"wanted a close {code}, got {got}"
    return check


def expects_error(command, opcode=TEXT, headers="", before=()):
    """The command is answered with an error and a hint, and the connection goes on."""
    def check(server):
        with upgraded(server, "/ws", headers) as connection:
            for each in before:
                connection.sendall(frame(TEXT, each.encode()))
                read_frame(connection)
            connection.sendall(frame(opcode, command if isinstance(command, bytes) else command.encode()))
            got = read_frame(connection)
            if not got or b"error" not in got[1] or b"hint" not in got[1] and opcode == TEXT:
                return f"wanted an error with a hint, got {got}"
            connection.sendall(frame(PING, b"still there?"))
            return "" if read_frame(connection) == (PONG, b"still there?") else "the connection did not go on"
    return check


def expects_stream(target, headers, begins):
    """An event stream that begins like that, past its advice."""
    def check(server):
        with server.connect() as connection:
            connection.sendall(get(target, headers))
            connection.settimeout(0.5)
            data = b""
            try:
                while begins not in data and (got := connection.recv(1 << 16)):
                    data += got
            except TimeoutError:
                pass
            return "" if begins in data else f"{begins!r} is not in {data!r}"
    return check


def http(cause):
    return {("http_refusals_total", cause): 1}


def command(cause):
    return {("command_refusals_total", cause): 1}


def violation(cause):
    return {("websocket_violations_total", cause): 1}


huge = b"POST /topics/t HTTP/1.1\r\nHost: t\r\nContent-Length: 18446744073709551615\r\n\r\n"
plain_rows = [
    ("not HTTP", expects_status(b"hello\r\n\r\n", 400), http("malformed")),
    ("a TLS hello", expects_status(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400), http("malformed")),
    ("zero bytes", expects_status(bytes(100), 400), http("malformed")),
    ("HTTP/2 preface", expects_status(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400), http("malformed")),
    ("version 9.9", expects_status(b"GET / HTTP/9.9\r\n\r\n", 400), http("malformed")),
    ("space in a header's name", expects_status(b"GET / HTTP/1.1\r\nHost: t\r\nA b: c\r\n\r\n", 400), http("malformed")),
    ("header without a colon", expects_status(b"GET / HTTP/1.1\r\nHost: t\r\nnonsense\r\n\r\n", 400), http("malformed")),
    ("control character in a header", expects_status(b"GET / HTTP/1.1\r\nHost: t\r\nX: \x01\r\n\r\n", 400), http("malformed")),
    ("no host", expects_status(b"GET /healthz HTTP/1.1\r\n\r\n", 400), http("malformed")),
    ("two hosts", expects_status(b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400), http("malformed")),
    ("length not a number", expects_status(b"POST /topics/t HTTP/1.1\r\nHost: t\r\nContent-Length: x\r\n\r\n", 400), http("malformed")),
    ("negative length", expects_status(b"POST /topics/t HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\n", 400), http("malformed")),
    ("two lengths", expects_status(b"POST /topics/t HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400), http("malformed")),
    ("length and chunks", expects_status(
        b"POST /topics/t HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400), http("malformed")),
    ("chunk size not a number", expects_status(
        b"POST /topics/t HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400), http("malformed")),
    ("target of 9,000 bytes", expects_status(get("/" + "a" * 9000), 431), http("head_too_large")),
    ("header without an end", expects_status(b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000, 431), http("head_too_large")),
    ("length of 2^64 - 1", expects_status(huge, 413), http("body_too_large")),
    ("body above the limit", expects_status(post("/topics/t", b"x" * 1001), 413), http("body_too_large")),
    ("chunk of 2^64 - 1", expects_status(
        b"POST /topics/t HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 413), http("body_too_large")),
    ("unknown path", expects_status(get("/nope"), 404), http("not_found")),
    ("wrong method", expects_status(request("DELETE", "/topics/t"), 405), http("wrong_method")),
    ("no topic", expects_status(get("/sse/"), 400), http("bad_topic")),
    ("topic with a slash", expects_status(get("/sse/a%2Fb"), 400), http("bad_topic")),
    ("topic with a wildcard", expects_status(get("/sse/a*"), 400), http("bad_topic")),
    ("topic of 129 bytes", expects_status(post("/topics/" + "t" * 129), 400), http("bad_topic")),
    ("group with a slash", expects_status(get("/sse/t?group=a/b"), 400), http("bad_group")),
    ("no such assignment", expects_status(get("/sse/t?group=g&assign=fair"), 400), http("bad_group")),
    ("event name with a line end", expects_status(post("/topics/t?event=a%0Adata:%20x"), 400), http("bad_name")),
    ("key of 257 bytes", expects_status(post("/topics/t?key=" + "k" * 257), 400), http("bad_name")),
    ("key that is not UTF-8", expects_status(post("/topics/t?key=%FF%FE"), 400), http("bad_name")),
    ("snapshot of nothing", expects_status(get("/topics/never/snapshot"), 404), http("nothing_remembered")),
    ("not an upgrade", expects_status(get("/ws/t"), 426), http("not_websocket")),
    ("WebSocket version 7", expects_status(get("/ws/t", UPGRADE.replace("13", "7")), 426), http("not_websocket")),
    ("no key", expects_status(get("/ws/t", UPGRADE.split("Sec-WebSocket-Key")[0]), 400), http("not_websocket")),
    ("key too short", expects_status(get("/ws/t", UPGRADE.replace("dGhl", "")), 400), http("not_websocket")),
    ("id that is no number", expects_stream("/sse/ids", "Last-Event-ID: nonsense\r\n", b"retry: "), {}),
    ("negative id", expects_stream("/sse/ids", "Last-Event-ID: -1\r\n", b"retry: "), {}),
    ("id above 64 bits", expects_stream("/sse/ids", "Last-Event-ID: 99999999999999999999\r\n", b"retry: "), {}),
    ("id of another life", expects_stream("/sse/ids", "Last-Event-ID: 18446744073709551615\r\n", b"event: loss\n"), {}),

    ("frame not masked", expects_close("/ws/t", frame(TEXT, b"hi", masked=False), 1002), violation("frame not masked")),
    ("HTTP instead of frames", expects_close("/ws/t", get("/healthz"), 1002), violation("reserved bits set")),
    ("reserved bits", expects_close("/ws/t", frame(TEXT, rsv=7), 1002), violation("reserved bits set")),
    ("unknown opcode", expects_close("/ws/t", frame(3), 1002), violation("unknown opcode")),
    ("ping of 126 bytes", expects_close("/ws/t", frame(PING, b"p" * 126), 1002), violation("control frame above 125 bytes")),
    ("ping in fragments", expects_close("/ws/t", frame(PING, fin=False), 1002), violation("fragmented control frame")),
    ("continuation of nothing", expects_close("/ws/t", frame(0, b"x"), 1002), violation("continuation of nothing")),
    ("message inside a message", expects_close("/ws/t", frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), 1002),
     violation("message inside a message")),
    ("longer length than needed", expects_close("/ws/t", b"\x81\xfe\x00\x02\0\0\0\0hi", 1002), violation("length not in its shortest form")),
    ("length of 2^63", expects_close("/ws/t", frame(BINARY, size=1 << 63), 1002), violation("length above 2^63")),
    ("message above the limit", expects_close("/ws/t", frame(BINARY, size=(64 << 10) + 1), 1009), violation("message too big")),
    ("fragments above the limit", expects_close(
        "/ws/t", frame(BINARY, b"x" * 40_000, fin=False) + frame(0, size=40_000), 1009), violation("message too big")),
    ("text that is not UTF-8", expects_close("/ws/t", frame(TEXT, b"\xc3\x28"), 1007), violation("text is not UTF-8")),
    ("text cut inside a letter", expects_close("/ws/t", frame(TEXT, b"\xc3"), 1007), violation("text is not UTF-8")),
    ("close of one byte", expects_close("/ws/t", frame(CLOSE, b"\x03"), 1002), violation("close code cut short")),
    ("close code 1005", expects_close("/ws/t", frame(CLOSE, b"\x03\xed"), 1002), violation("close code that must not be sent")),
    ("close reason not UTF-8", expects_close("/ws/t", frame(CLOSE, b"\x03\xe8\xff"), 1007), violation("close reason is not UTF-8")),
    ("what does not inflate", expects_close("/ws/t", frame(BINARY, b"\xff" * 9, rsv=4), 1007,
                                            "Sec-WebSocket-Extensions: permessage-deflate\r\n"), violation("does not inflate")),

    ("not JSON", expects_error("nonsense"), command("not_a_command")),
    ("JSON, but a list", expects_error("[]"), command("not_a_command")),
    ("nothing asked", expects_error("{}"), command("not_a_command")),
    ("unknown field", expects_error('{"dance":"t"}'), command("not_a_command")),
    ("topic that is a number", expects_error('{"subscribe":7}'), command("not_a_command")),
    ("id that is a word", expects_error('{"subscribe":{"topic":"t","after":"x"}}'), command("not_a_command")),
    ("negative id in a command", expects_error('{"subscribe":{"topic":"t","after":-1}}'), command("not_a_command")),
    ("1,000 lists in each other", expects_error('{"subscribe":' + "[" * 1000 + "]" * 1000 + "}"), command("not_a_command")),
    ("257 parts", expects_error(json.dumps({"unsubscribe": ["t"] * 257})), command("not_a_command")),
    ("bad topic in a command", expects_error('{"subscribe":"a/b"}'), command("bad_topic")),
    ("subscribed twice", expects_error('{"subscribe":"t"}', before=['{"subscribe":"t"}']), command("already_subscribed")),
    ("not subscribed", expects_error('{"unsubscribe":"t"}'), command("not_subscribed")),
    ("bad event name in a command", expects_error('{"publish":{"topic":"t","data":"","event":"a b"}}'), command("bad_name")),
    ("not MessagePack", expects_error(b"\xc1", BINARY, "Sec-WebSocket-Protocol: fanlight.msgpack\r\n"), command("not_a_command")),
    ("MessagePack that promises 2^32 - 1", expects_error(b"\x81\xa9subscribe\xdd\xff\xff\xff\xff", BINARY,
                                                         "Sec-WebSocket-Protocol: fanlight.msgpack\r\n"), command("not_a_command")),
    ("not Protobuf", expects_error(b"\xff\xff\xff", BINARY, "Sec-WebSocket-Protocol: fanlight.protobuf\r\n"), command("not_a_command")),
]

bearer = "Authorization: Bearer {}\r\n".format
fair = jwt({"publish": ["prices*"], "subscribe": ["prices*"]})
guarded_rows = [
    ("a good token", expects_status(post("/topics/prices.eur", headers=bearer(fair)), 202), {}),
    ("no token", expects_status(post("/topics/prices.eur"), 401), http("denied")),
    ("nonsense for a token", expects_status(post("/topics/prices.eur", headers=bearer("a.b.c")), 401), http("denied")),
    ("empty parts", expects_status(post("/topics/prices.eur", headers=bearer("..")), 401), http("denied")),
    ("another key", expects_status(post("/topics/prices.eur", headers=bearer(jwt({"publish": ["prices*"]}, b"other"))), 401), http("denied")),
    ("algorithm none", expects_status(
        post("/topics/prices.eur", headers=bearer(jwt({"publish": ["prices*"]}, algorithm="none"))), 401), http("denied")),
    ("algorithm none without a signature", expects_status(
        post("/topics/prices.eur", headers=bearer(jwt({"publish": ["*"]}, algorithm="none").rsplit(".", 1)[0] + ".")), 401), http("denied")),
    ("expired", expects_status(post("/topics/prices.eur", headers=bearer(jwt({"publish": ["prices*"], "exp": 1000}))), 401), http("denied")),
    ("expires when it pleases", expects_status(
        post("/topics/prices.eur", headers=bearer(jwt({"publish": ["prices*"], "exp": "never"}))), 401), http("denied")),
    ("not valid yet", expects_status(
        post("/topics/prices.eur", headers=bearer(jwt({"publish": ["prices*"], "nbf": time.time() + 1000}))), 401), http("denied")),
    ("topics that are no list", expects_status(
        post("/topics/prices.eur", headers=bearer(jwt({"publish": "prices.eur"}))), 401), http("denied")),
    ("another topic", expects_status(post("/topics/news", headers=bearer(fair)), 401), http("denied")),
    ("another right", expects_status(get("/sse/prices.eur", bearer(jwt({"publish": ["prices*"]}))), 401), http("denied")),
    ("token of 8,000 bytes", expects_status(post("/topics/prices.eur", headers=bearer("a" * 8000)), 401), http("denied")),
    ("command without the right", expects_error('{"subscribe":"news"}', headers=bearer(fair)), command("denied")),
    ("page from elsewhere", expects_status(get("/sse/prices.eur", bearer(fair) + "Origin: https://evil\r\n"), 403), http("origin")),
    ("page from nowhere", expects_status(get("/ws/prices.eur", UPGRADE + bearer(fair) + "Origin: null\r\n"), 403), http("origin")),
    ("a page of the server's own", expects_status(post("/topics/prices.eur", headers=bearer(fair) + "Origin: http://t\r\n"), 202), {}),
]


def topics_run_out(server):
    with server.connect() as first:
        first.sendall(get("/sse/first"))
        first.recv(100)
        return expects_status(get("/sse/second"), 503)(server) or expects_error('{"subscribe":"second"}')(server)


def members_differ(server):
    with server.connect() as first:
        first.sendall(get("/sse/first?group=g&assign=sticky"))
        first.recv(100)
        return expects_status(get("/sse/first?group=g&assign=range"), 409)(server)


def too_fast(server):
    statuses = []
    with server.connect() as publisher:
        for _ in range(4):
            publisher.sendall(post("/topics/t"))
            statuses.append(read_answer(publisher)[0])
    return "" if statuses == [202, 202, 429, 429] else f"{statuses}"


def too_many_of_one_address(server):
    held = [server.connect("127.0.0.2") for _ in range(5)]  # accepted in this order
    held[4].sendall(get("/healthz"))
    status = read_answer(held[4])[0]
    for each in held:
        each.close()
    return "" if status == 503 else f"wanted 503, got {status}"


limited_rows = [
    ("topics run out", topics_run_out, {("http_refusals_total", "too_many_topics"): 1, ("command_refusals_total", "too_many_topics"): 1}),
    ("members share in another way", members_differ, http("group_shares_so")),
    ("publishes too fast", too_fast, {("http_refusals_total", "throttled"): 2}),
    ("too many of one address", too_many_of_one_address,
     {("http_refusals_total", "max_per_address"): 1, ("connections_refused_total", "max_per_address"): 1}),
]


def counts(samples):
    return {(family, re.search(r'cause="(.*?)"', labels).group(1)): value
            for (family, labels), value in samples.items() if family in FAMILIES}


def total(samples, *families, but=""):
    return sum(value for (family, labels), value in samples.items() if family in families and not (but and but in labels))


def imbalance(samples):
    """Empty when every answer from 400 on has its cause, and every delivery its place."""
    by_status = sum(value for (family, labels), value in samples.items()
                    if family == "http_answers_total" and labels >= 'status="400"')
    by_cause = total(samples, "http_refusals_total")
    wanted = total(samples, "addressed_total", "replayed_total")
    placed = total(samples, "deliveries_total", "dropped_frames_total", "queued_frames")
    return "" if by_status == by_cause and wanted == placed else f"{by_status} refused, {by_cause} with a cause; {wanted} to deliver, {placed} placed"


def walk(server, rows):
    failed = 0
    before = counts(server.metrics())
    for name, check, wanted in rows:
        try:
            wrong = check(server)
        except Exception as error:
            wrong = f"{type(error).__name__}: {error}"
        # What a worker counts follows what its client sees.
        for _ in range(50):
            samples = server.metrics()
            after = counts(samples)
            grown = {key: value - before.get(key, 0) for key, value in after.items() if value != before.get(key, 0)}
            if grown == wanted:
                break
            time.sleep(0.05)
        if not wrong and grown != wanted:
            wrong = f"counted {grown}, wanted {wanted}"
        wrong = wrong or imbalance(samples)
        before = after
        if wrong:
            failed += 1
            print(f"{name}: FAILED: {wrong}")
    if left := server.stop():
        failed += 1
        print(f"the server, in the end: FAILED: {left}")
    return failed


def main():
    failed = walk(Server("--max-body", "1000"), plain_rows)
    failed += walk(Server("--jwt-key", "key", "--allow-origin", "self"), guarded_rows)
    failed += walk(Server("--max-topics", "1", "--publish-rate", "0.01:2", "--max-per-address", "4"), limited_rows)
    rows = len(plain_rows) + len(guarded_rows) + len(limited_rows)
    print(f"{rows} rows, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
