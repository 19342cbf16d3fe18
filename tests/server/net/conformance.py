#!/usr/bin/env python3
"""WebSocket conformance of fanlight-server, from outside: plain sockets, frames made by hand.

The cases are numbered like those of the Autobahn suite (groups 1 to 7, 9, 10, 12 and 13), which is not packaged; each
runs against GET /echo. In: the server's path. Out: a line per failed case, exit 1 when there is one.
"""
import os
import re
import socket
import struct
import subprocess
import sys
import zlib

MASK = b"\x37\xfa\x21\x3d"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(opcode, payload=b"", fin=True, rsv=0, masked=True):
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    mask_bit = 0x80 if masked else 0
    if len(payload) <= 125:
        head = struct.pack("!BB", first, mask_bit | len(payload))
    elif len(payload) <= 0xFFFF:
        head = struct.pack("!BBH", first, mask_bit | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, mask_bit | 127, len(payload))
    if not masked:
        return head + payload
    repeated = (MASK * (len(payload) // 4 + 1))[: len(payload)]
    mixed = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")
    return head + MASK + mixed


def close(code=None, reason=b""):
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


class Connection:
    def __init__(self, port, offer=""):
        """`offer`: what Sec-WebSocket-Extensions says. What was agreed on is in `extensions`."""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.socket.sendall(
            b"GET /echo HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            + (b"Sec-WebSocket-Extensions: " + offer.encode() + b"\r\n" if offer else b"") + b"\r\n")
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self.socket.recv(4096)
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 101") and b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head, head
        agreed = re.search(rb"\r\nSec-WebSocket-Extensions: ([^\r]*)", head)
        self.extensions = agreed.group(1).decode() if agreed else ""
        self.compressed = 0  # frames that came deflated

    def send(self, data, chop=0):
        try:
            if not chop:
                self.socket.sendall(data)
                return
            for at in range(0, len(data), chop):
                self.socket.sendall(data[at:at + chop])
        except OSError:
            pass  # the server may have hung up on us already, as it should

    def take(self, count):
        while len(self.buffer) < count:
            got = self.socket.recv(1 << 20)
            if not got:
                raise EOFError
            self.buffer += got
        part, self.buffer = self.buffer[:count], self.buffer[count:]
        return part

    def read(self):
        """One frame as (opcode, payload); ("end",) when the connection ends."""
        try:
            first, second = self.take(2)
            assert second & 0x80 == 0, "a server's frame is not masked"
            deflated = self.extensions and first & 0x70 == 0x40 and first & 0x0F in (TEXT, BINARY)
            assert first & 0x70 == 0 or deflated, "reserved bits"
            assert first & 0x80, "this server does not fragment"
            size = second & 0x7F
            if size == 126:
                size, = struct.unpack("!H", self.take(2))
                assert size > 125, "not the shortest length"
            elif size == 127:
                size, = struct.unpack("!Q", self.take(8))
                assert size > 0xFFFF, "not the shortest length"
            payload = self.take(size)
            if deflated:
                self.compressed += 1
                # A decompressor of its own for each message: the server said that it keeps no context.
                payload = zlib.decompressobj(-15).decompress(payload + b"\x00\x00\xff\xff")
            return first & 0x0F, payload
        except (EOFError, ConnectionResetError):
            return ("end",)


def text(value):
    return (TEXT, value)


def binary(value):
    return (BINARY, value)


def pong(value):
    return (PONG, value)


def closes(*codes):
    """A close frame with one of these codes; None: without a code."""
    return ("closes", codes)


FAIL = closes(1002)
NOT_TEXT = closes(1007)
BYE = frame(CLOSE, struct.pack("!H", 1000))
cases = []


def case(number, sent, expected, chop=0):
    """`sent`: bytes, or pieces that are sent one after the other. Afterwards a close ends what is still open."""
    cases.append((number, sent if isinstance(sent, list) else [sent], expected, chop))


def echoed(number, opcode, payload, chop=0):
    case(number, frame(opcode, payload), [(opcode, payload), closes(1000)], chop)


for group, opcode, byte in ((1, TEXT, b"*"), (2, BINARY, b"\xfe")):
    for index, size in enumerate((0, 125, 126, 127, 128, 65535, 65536), 1):
        echoed(f"1.{group}.{index}", opcode, byte * size)
    echoed(f"1.{group}.8", opcode, byte * 65536, 997)

case("2.1", frame(PING), [pong(b""), closes(1000)])
case("2.2", frame(PING, b"Hello, world!"), [pong(b"Hello, world!"), closes(1000)])
case("2.3", frame(PING, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), [pong(b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), closes(1000)])
case("2.4", frame(PING, b"\xfe" * 125), [pong(b"\xfe" * 125), closes(1000)])
case("2.5", frame(PING, b"\xfe" * 126), [FAIL])
case("2.6", frame(PING, b"\xfe" * 125), [pong(b"\xfe" * 125), closes(1000)], 1)
case("2.7", frame(PONG), [closes(1000)])
case("2.8", frame(PONG, b"unsolicited"), [closes(1000)])
case("2.9", frame(PONG, b"unsolicited") + frame(PING, b"p"), [pong(b"p"), closes(1000)])
ten = b"".join(frame(PING, b"payload-%d" % i) for i in range(10))
case("2.10", ten, [pong(b"payload-%d" % i) for i in range(10)] + [closes(1000)])
case("2.11", ten, [pong(b"payload-%d" % i) for i in range(10)] + [closes(1000)], 1)

case("3.1", frame(TEXT, b"Hello", rsv=1), [FAIL])
case("3.2", frame(TEXT, b"ok") + frame(TEXT, b"Hello", rsv=2) + frame(PING), [text(b"ok"), FAIL])
case("3.3", frame(TEXT, b"ok") + frame(TEXT, b"Hello", rsv=3) + frame(PING), [text(b"ok"), FAIL])
case("3.4", frame(TEXT, b"ok") + frame(TEXT, b"Hello", rsv=4) + frame(PING), [text(b"ok"), FAIL], 1)
case("3.5", frame(BINARY, b"\x00\xff", rsv=5), [FAIL])
case("3.6", frame(PING, b"Hello", rsv=6), [FAIL])
case("3.7", frame(CLOSE, rsv=7), [FAIL])

for group, opcodes in ((1, range(3, 8)), (2, range(11, 16))):
    for index, opcode in enumerate(opcodes, 1):
        if index < 3:
            case(f"4.{group}.{index}", frame(opcode, b"x" if index == 2 else b""), [FAIL])
        else:
            case(f"4.{group}.{index}", frame(TEXT, b"ok") + frame(opcode, b"x" * (index - 3)) + frame(PING),
                 [text(b"ok"), FAIL], 1 if index == 5 else 0)

case("5.1", frame(PING, b"a", fin=False) + frame(0, b"b"), [FAIL])
case("5.2", frame(PONG, b"a", fin=False) + frame(0, b"b"), [FAIL])
halves = frame(TEXT, b"fragment1", fin=False) + frame(0, b"fragment2")
case("5.3", halves, [text(b"fragment1fragment2"), closes(1000)])
case("5.4", halves, [text(b"fragment1fragment2"), closes(1000)], 9)
case("5.5", halves, [text(b"fragment1fragment2"), closes(1000)], 1)
between = frame(TEXT, b"fragment1", fin=False) + frame(PING, b"ping") + frame(0, b"fragment2")
for number, chop in (("5.6", 0), ("5.7", 9), ("5.8", 1)):
    case(number, between, [pong(b"ping"), text(b"fragment1fragment2"), closes(1000)], chop)
orphan = frame(0, b"non-continuation payload", fin=True) + frame(TEXT, b"Hello")
for number, chop in (("5.9", 0), ("5.10", 9), ("5.11", 1)):
    case(number, orphan, [FAIL], chop)
orphan = frame(0, b"non-continuation payload", fin=False) + frame(TEXT, b"Hello")
for number, chop in (("5.12", 0), ("5.13", 9), ("5.14", 1)):
    case(number, orphan, [FAIL], chop)
case("5.15", halves + frame(0, b"fragment3", fin=False) + frame(TEXT, b"f4"), [text(b"fragment1fragment2"), FAIL])
case("5.16", (frame(0, b"fragment1", fin=False) + frame(TEXT, b"fragment2", fin=False) + frame(0, b"fragment3")) * 2, [FAIL])
case("5.17", (frame(0, b"fragment1") + frame(TEXT, b"fragment2", fin=False) + frame(0, b"fragment3")) * 2, [FAIL])
case("5.18", frame(TEXT, b"fragment1", fin=False) + frame(TEXT, b"fragment2"), [FAIL])
five = [frame(TEXT, b"fragment1", fin=False), frame(0, b"fragment2", fin=False), frame(PING, b"ping1"),
        frame(0, b"fragment3", fin=False), frame(0, b"fragment4", fin=False), frame(PING, b"ping2"), frame(0, b"fragment5")]
whole = [pong(b"ping1"), pong(b"ping2"), text(b"fragment1fragment2fragment3fragment4fragment5"), closes(1000)]
case("5.19", five, whole)
case("5.20", b"".join(five), whole, 1)

hello = "Hello-µ@ßöäüàá-UTF-8!!".encode()
case("6.1.1", frame(TEXT), [text(b""), closes(1000)])
case("6.1.2", frame(TEXT, fin=False) + frame(0, fin=False) + frame(0), [text(b""), closes(1000)])
case("6.1.3", frame(TEXT, fin=False) + frame(0, b"middle", fin=False) + frame(0), [text(b"middle"), closes(1000)])
case("6.2.1", frame(TEXT, hello), [text(hello), closes(1000)])
case("6.2.2", frame(TEXT, hello[:7], fin=False) + frame(0, hello[7:]), [text(hello), closes(1000)])
letters = [bytes([byte]) for byte in hello]
case("6.2.3", b"".join(frame(TEXT if i == 0 else 0, each, fin=i == len(letters) - 1) for i, each in enumerate(letters)),
     [text(hello), closes(1000)])
greek = "κόσμε".encode()
case("6.2.4", b"".join(frame(TEXT if i == 0 else 0, greek[i:i + 1], fin=i == len(greek) - 1) for i in range(len(greek))),
     [text(greek), closes(1000)])
broken = greek + b"\xed\xa0\x80" + b"edited"
case("6.3.1", frame(TEXT, broken), [NOT_TEXT])
case("6.3.2", b"".join(frame(TEXT if i == 0 else 0, broken[i:i + 1], fin=i == len(broken) - 1) for i in range(len(broken))),
     [NOT_TEXT])
# Fail fast: the message never ends, and yet the answer comes.
case("6.4.1", frame(TEXT, greek + b"\xf4", fin=False) + frame(0, b"\x90", fin=False), [NOT_TEXT])
case("6.4.2", frame(TEXT, greek + b"\xf4", fin=False) + frame(0, b"\x90", fin=False), [NOT_TEXT], 1)
case("6.4.3", frame(TEXT, greek + b"\xf4\x90\x80\x80" + b"x" * 50)[:6 + len(greek) + 2], [NOT_TEXT])
case("6.4.4", frame(TEXT, greek + b"\xf4\x90\x80\x80" + b"x" * 50)[:6 + len(greek) + 2], [NOT_TEXT], 1)
valid = [greek, b"\x00", b"\xc2\x80", b"\xe0\xa0\x80", b"\xf0\x90\x80\x80", b"\x7f", b"\xdf\xbf", b"\xef\xbf\xbf",
         b"\xf4\x8f\xbf\xbf", b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xef\xbf\xbd", b"\xef\xbf\xbe", b"\xf0\x9f\xbf\xbe"]
for index, value in enumerate(valid, 1):
    case(f"6.5-9,22,23/{index}", frame(TEXT, value), [text(value), closes(1000)])
invalid = [b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80", b"\xf7\xbf\xbf\xbf", b"\xf4\x90\x80\x80", b"\x80", b"\xbf",
           b"\x80\xbf", b"\xc0 \xc1 ", b"\xe0 ", b"\xf0 ", b"\xfe", b"\xff", b"\xfe\xfe\xff\xff", b"\xc0", b"\xe0\x80",
           b"\xf0\x80\x80", b"\xdf", b"\xef\xbf", b"\xf7\xbf\xbf", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf",
           b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xc0\x80", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xed\xad\xbf",
           b"\xed\xbf\xbf", b"\xed\xa0\x80\xed\xb0\x80", b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce"]
for index, value in enumerate(invalid, 1):
    case(f"6.10-21/{index}", frame(TEXT, value), [NOT_TEXT])

case("7.1.1", frame(TEXT, b"Hello"), [text(b"Hello"), closes(1000)])
case("7.1.2", BYE + BYE, [closes(1000), ("end",)])
case("7.1.3", BYE + frame(PING), [closes(1000), ("end",)])
case("7.1.4", BYE + frame(TEXT, b"x"), [closes(1000), ("end",)])
case("7.1.5", frame(TEXT, b"a", fin=False) + BYE + frame(0, b"b"), [closes(1000), ("end",)])
case("7.1.6", frame(TEXT, b"B" * 262144) + BYE + frame(PING), [text(b"B" * 262144), closes(1000), ("end",)])
case("7.3.1", frame(CLOSE), [closes(None), ("end",)])
case("7.3.2", frame(CLOSE, b"a"), [FAIL, ("end",)])
case("7.3.3", close(1000), [closes(1000), ("end",)])
case("7.3.4", close(1000, b"Hello"), [closes(1000), ("end",)])
case("7.3.5", close(1000, b"*" * 123), [closes(1000), ("end",)])
case("7.3.6", close(1000, b"*" * 124), [FAIL, ("end",)])
case("7.5.1", close(1000, broken), [NOT_TEXT, ("end",)])
for index, code in enumerate((1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999), 1):
    case(f"7.7.{index}", close(code), [closes(code), ("end",)])
for index, code in enumerate((0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999), 1):
    case(f"7.9.{index}", close(code), [FAIL, ("end",)])
for index, code in enumerate((5000, 65535), 1):
    case(f"7.13.{index}", close(code), [FAIL, ("end",)])

for index, size in enumerate((64 << 10, 256 << 10, 1 << 20, 4 << 20, 8 << 20, 16 << 20), 1):
    echoed(f"9.1.{index}", TEXT, b"*" * size)
    echoed(f"9.2.{index}", BINARY, b"\xfe" * size)
for index, size in enumerate((64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20), 1):
    pieces = [b"*" * size] * ((4 << 20) // size) if size >= 1 << 10 else [b"*" * size] * 4096
    payload = b"".join(pieces)
    for group, opcode in ((3, TEXT), (4, BINARY)):
        fragments = b"".join(frame(opcode if i == 0 else 0, each, fin=i == len(pieces) - 1) for i, each in enumerate(pieces))
        case(f"9.{group}.{index}", fragments, [(opcode, payload), closes(1000)])
for index, chop in enumerate((64, 128, 256, 512, 1024, 2048), 1):
    echoed(f"9.5.{index}", TEXT, b"*" * (256 << 10), chop)
    echoed(f"9.6.{index}", BINARY, b"*" * (256 << 10), chop)
for index, size in enumerate((0, 16, 64, 256, 1024, 4096), 1):
    for group, opcode in ((7, TEXT), (8, BINARY)):
        case(f"9.{group}.{index}", [frame(opcode, b"*" * size)] * 200, [(opcode, b"*" * size)] * 200 + [closes(1000)])
case("10.1.1", b"".join(frame(TEXT if i == 0 else 0, b"*" * min(1300, 65536 - i * 1300), fin=(i + 1) * 1300 >= 65536)
                        for i in range(51)), [text(b"*" * 65536), closes(1000)])


def judge(port, sent, expected, chop):
    """Empty when the case passes, otherwise what came instead."""
    connection = Connection(port)
    # A lone server must be able to answer while we send: what is large is sent by a child.
    if sum(map(len, sent)) > 100_000:
        child = os.fork()
        if child == 0:
            for piece in sent:
                connection.send(piece, chop)
            os._exit(0)
    else:
        child = 0
        for piece in sent:
            connection.send(piece, chop)
    said_goodbye = False
    for index, want in enumerate(expected):
        if index == len(expected) - 1 and want == closes(1000) and not said_goodbye:
            if child:
                os.waitpid(child, 0)
                child = 0
            connection.send(BYE)
            said_goodbye = True
        got = connection.read()
        if want[0] == "closes":
            code = None if got == (CLOSE, b"") else struct.unpack("!H", got[1][:2])[0] if got[0] == CLOSE else "no close"
            if code not in want[1]:
                return f"frame {index}: wanted a close with {want[1]}, got {str(got)[:100]}"
        elif got != want:
            return f"frame {index}: wanted {str(want)[:80]}, got {str(got)[:80]}"
    if child:
        os.waitpid(child, 0)
    connection.socket.close()
    return ""


def squeezed(payload, window=15, context=None):
    """A payload as permessage-deflate has it."""
    deflater = context or zlib.compressobj(6, zlib.DEFLATED, -window)
    return (deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]


def deflated_frames(opcode, payload, window=15, piece=0):
    small = squeezed(payload, window)
    parts = [small[at:at + piece] for at in range(0, len(small), piece)] if piece else [small]
    return b"".join(frame(opcode if i == 0 else 0, part, fin=i == len(parts) - 1, rsv=4 if i == 0 else 0)
                    for i, part in enumerate(parts or [b""]))


def sample(size, salt):
    """Text that deflates, but not to nothing."""
    words = b"".join(b'{"id":%d,"price":%d.%02d},' % (i * 7919 + salt, i * i % 977, (i + salt) % 100) for i in range(size // 20 + 1))
    return words[:size]


deflate_cases = []
sizes = (16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072)
for index, size in enumerate(sizes, 1):
    for group, opcode in ((1, TEXT), (2, BINARY)):
        deflate_cases.append((f"12.{group}.{index}", "permessage-deflate", opcode, size, 15, 0))
for index, piece in enumerate((256, 1024, 4096, 32768), 11):
    for group, opcode in ((1, TEXT), (2, BINARY)):
        deflate_cases.append((f"12.{group}.{index}", "permessage-deflate", opcode, 131072, 15, piece))
for group, offer, window in (
        (1, "permessage-deflate; client_no_context_takeover", 15),
        (2, "permessage-deflate; server_no_context_takeover", 15),
        (3, "permessage-deflate; client_max_window_bits=9", 9),
        (4, "permessage-deflate; client_max_window_bits=15; client_no_context_takeover; server_no_context_takeover", 15),
        (5, "permessage-deflate; server_max_window_bits=15; client_max_window_bits", 15),
        (6, "permessage-deflate; server_max_window_bits=9, permessage-deflate", 15),
        (7, "permessage-deflate; server_no_context_takeover; server_max_window_bits=8, x-unknown, permessage-deflate; client_max_window_bits", 15)):
    for index, size in enumerate((16, 1024, 32768, 131072), 1):
        deflate_cases.append((f"13.{group}.{index}", offer, TEXT, size, window, 0))


def judge_deflate(port, offer, opcode, size, window, piece, messages=20):
    connection = Connection(port, offer)
    agreed = [part.strip() for part in connection.extensions.split(";")]
    if agreed != ["permessage-deflate", "server_no_context_takeover", "client_no_context_takeover"]:
        return f"agreed on {connection.extensions!r}"
    for salt in range(messages):
        payload = sample(size, salt)
        connection.send(deflated_frames(opcode, payload, window, piece))
        got = connection.read()
        if got != (opcode, payload):
            return f"message {salt}: got {str(got)[:80]}"
    if (size >= 256) != (connection.compressed == messages):
        return f"{connection.compressed} of {messages} answers came deflated"
    connection.send(BYE)
    connection.socket.close()
    return ""


def judge_deflate_failure(port, sent, code, offer="permessage-deflate"):
    connection = Connection(port, offer)
    connection.send(sent)
    got = connection.read()
    connection.socket.close()
    return "" if got[0] == CLOSE and struct.unpack("!H", got[1][:2])[0] == code else f"wanted {code}, got {str(got)[:80]}"


zeros = zlib.compressobj(9, zlib.DEFLATED, -15)
bomb = (zeros.compress(bytes(64 << 20)) + zeros.flush(zlib.Z_SYNC_FLUSH))[:-4]
deflate_failures = [
    ("12.x broken data", frame(BINARY, b"\xff" * 20, rsv=4), 1007, "permessage-deflate"),
    ("12.x inflates to 64 MiB", frame(BINARY, bomb, rsv=4), 1009, "permessage-deflate"),
    ("12.x text that is not UTF-8", frame(TEXT, squeezed(b"\xc3\x28"), rsv=4), 1007, "permessage-deflate"),
    ("12.x bit inside a message", frame(TEXT, squeezed(b"a"), fin=False, rsv=4) + frame(0, b"x", rsv=4), 1002, "permessage-deflate"),
    ("12.x bit on a ping", frame(PING, b"x", rsv=4), 1002, "permessage-deflate"),
    ("13.x only windows that we do not keep", frame(TEXT, squeezed(b"a"), rsv=4), 1002, "permessage-deflate; server_max_window_bits=9"),
    ("13.x parameter twice", frame(TEXT, squeezed(b"a"), rsv=4), 1002, "permessage-deflate; client_max_window_bits=9; client_max_window_bits=10"),
    ("13.x unknown parameter", frame(TEXT, squeezed(b"a"), rsv=4), 1002, "permessage-deflate; shrink_more"),
]


def main():
    server = subprocess.Popen([sys.argv[1], "--listen", "127.0.0.1:0", "--echo", "--sample-hz", "0"],
                              stderr=subprocess.PIPE, text=True)
    try:
        line = server.stderr.readline()
        port = int(re.search(r":(\d+)$", line.strip()).group(1))
        failed = 0
        every = [(case[0], judge, case[1:]) for case in cases]
        every += [(case[0], judge_deflate, case[1:]) for case in deflate_cases]
        every += [(case[0], judge_deflate_failure, case[1:]) for case in deflate_failures]
        for number, check, arguments in every:
            try:
                wrong = check(port, *arguments)
            except Exception as error:  # a case that hangs or breaks is a failed one
                wrong = f"{type(error).__name__}: {error}"
            if wrong:
                failed += 1
                print(f"case {number}: {wrong}")
        print(f"{len(every) - failed} of {len(every)} cases passed")
        return 1 if failed else 0
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    sys.exit(main())
