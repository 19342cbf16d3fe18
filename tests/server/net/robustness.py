#!/usr/bin/env python3
"""The running server under what goes wrong around it: no descriptors, half-open connections, a full disk, files of settings
that are wrong, clients that vanish, everybody coming at once, not TLS on a port that speaks it.

In: the server's path. Out: a line per failed expectation, exit 1 when there is one.
"""
import json
import os
import re
import resource
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

failures = []


def expect(condition, what):
    if not condition:
        failures.append(what)


class Server:
    def __init__(self, *options, files=None):
        def limit():
            if files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        self.process = subprocess.Popen([sys.argv[1], "--listen", "127.0.0.1:0", "--workers", "2", "--sample-hz", "0", *options],
                                        stderr=subprocess.PIPE, text=True, preexec_fn=limit)
        self.port = int(re.search(r":(\d+)$", self.process.stderr.readline().strip()).group(1))

    def ask(self, path, body=None):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", data=body, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, name):
        page = self.ask("/metrics")[1]
        return float(re.search(re.escape(f"fanlight_server_{name}") + r" (\S+)", page).group(1))

    def connect(self, source="127.0.0.1"):
        return socket.create_connection(("127.0.0.1", self.port), timeout=10, source_address=(source, 0))

    def subscribe(self, topic, source="127.0.0.1"):
        """An event stream, and what it was told past the head."""
        stream = self.connect(source)
        stream.sendall(f"GET /sse/{topic} HTTP/1.1\r\nHost: t\r\n\r\n".encode())
        got = b""
        while b"\n\n" not in got.partition(b"\r\n\r\n")[2]:
            more = stream.recv(4096)
            if not more:
                break
            got += more
        return stream, got.partition(b"\r\n\r\n")[2].decode()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        out = self.process.communicate(timeout=20)[1]
        expect(self.process.returncode == 0, f"exit {self.process.returncode}: {out}")
        return out


def eventually(condition, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


def descriptors_run_out():
    with open(sys.argv[1], "rb") as program:
        if b"__ubsan_handle_dynamic_type_cache_miss" in program.read():
            return "left out: UBSan reads what it checks through a pipe, for which none are left"
    server = Server("--max-connections", "10000", files=120)
    sockets = [server.connect() for _ in range(200)]
    time.sleep(0.5)
    for each in sockets:
        each.close()
    expect(eventually(lambda: server.ask("/healthz")[0] == 200), "serves again when descriptors are back")
    expect(server.metric('errors_total{cause="accept"}') > 0, "failed accepts are counted")
    server.stop()


def half_open_connections():
    server = Server("--request-deadline", "1s")
    sockets = [server.connect() for _ in range(1000)]
    for index, each in enumerate(sockets):
        if index % 2:
            each.send(b"GET /sse/t HTTP/1.1\r\nHo")
    expect(server.ask("/healthz")[0] == 200, "serves meanwhile")
    expect(eventually(lambda: server.metric('errors_total{cause="request_timeout"}') == 1000), "all thousand are cut and counted")
    for each in sockets:
        expect(each.recv(100) == b"", "a silent connection just ends")
        each.close()
    server.stop()


def slowly_dripping_header():
    server = Server("--request-deadline", "1s")
    drip = server.connect()
    begin = time.monotonic()
    try:
        for _ in range(100):
            drip.send(b"G" if _ == 0 else b"E")
            time.sleep(0.1)
            drip.settimeout(0.01)
            try:
                if drip.recv(100) == b"":
                    break
            except TimeoutError:
                pass
    except OSError:
        pass
    expect(time.monotonic() - begin < 6, "a byte now and then buys no time")
    server.stop()


def full_disk_and_reload():
    with tempfile.NamedTemporaryFile("w", suffix=".ini") as config:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        config.write(f'listen = "127.0.0.1:{port}"\n')
        config.flush()
        process = subprocess.Popen([sys.argv[1], "--config", config.name, "--log", "/dev/full", "--log-json"])
        server = Server.__new__(Server)
        server.process, server.port = process, port
        expect(eventually(lambda: not refused(server)), "starts although its log is full")
        expect(server.ask("/topics/t", b"x")[0] == 202, "publishes without a token at first")
        config.write('publish-token = "secret"\n')
        config.flush()
        process.send_signal(signal.SIGHUP)
        expect(eventually(lambda: server.ask("/topics/t", b"x")[0] == 401), "asks for the token after SIGHUP")
        expect(server.ask("/topics/t?token=secret", b"x")[0] == 202, "takes the token")
        process.terminate()
        expect(process.wait(timeout=20) == 0, "stops")


def wrong_settings():
    """Each is refused as a whole: what it says beside the mistake does not count either, and the log says what was wrong."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "server.ini")
        good = 'publish-token = "secret"\n'
        with open(path, "w") as file:
            file.write(good)
        server = Server("--config", path)
        lines = []
        threading.Thread(target=lambda: lines.extend(iter(server.process.stderr.readline, "")), daemon=True).start()
        for name, text, word in (("an option that is none", "nonsense = 1", "nonsense"), ("a number that is none", "outbox = many", "outbox"),
                                 ("a rate of nothing", 'publish-rate = "0"', "publish-rate"), ("an empty token", 'subscribe-token = ""', "subscribe-token"),
                                 ("a time beyond its bound", 'heartbeat = "5m"', "heartbeat"), ("no such slot", 'slot = ["99=0"]', "99=0"),
                                 ("bytes", "\x00\xff\x00", "")):
            with open(path, "w", encoding="latin-1") as file:
                file.write('publish-token = "changed"\n' + text + "\n")
            before = len(lines)
            server.process.send_signal(signal.SIGHUP)
            expect(eventually(lambda: len(lines) > before), f"{name}: something is said")
            said = "".join(lines[before:])
            expect("kept the old limits" in said and word in said, f"{name}: said {said!r}")
            expect(server.ask("/topics/t?token=secret", b"x")[0] == 202, f"{name}: the old token holds")
        os.unlink(path)
        before = len(lines)
        server.process.send_signal(signal.SIGHUP)
        expect(eventually(lambda: len(lines) > before) and "kept the old limits" in "".join(lines[before:]), "no file: said so")
        with open(path, "w") as file:
            file.write('publish-token = "changed"\n')
        server.process.send_signal(signal.SIGHUP)
        expect(eventually(lambda: server.ask("/topics/t?token=changed", b"x")[0] == 202), "takes the next good one")
        server.process.terminate()
        expect(server.process.wait(timeout=20) == 0, "stops")


def the_example_settings():
    example = os.path.join(os.path.dirname(__file__), "..", "..", "..", "server", "systemd", "server.ini")
    server = Server("--config", example)
    expect(server.ask("/topics/t", b"x")[0] == 202, "serves by them")
    server.stop()


def slots_move_by_reload():
    def shares():
        """Subscribers by worker."""
        return [sum(wire["sessions"] for wire in worker["transports"].values()) for worker in json.loads(server.ask("/admin")[1])["workers"]]

    with tempfile.NamedTemporaryFile("w", suffix=".ini") as config:
        config.write("slots = 4\n")
        config.flush()
        server = Server("--affinity", "address", "--config", config.name)
        sources = [f"127.0.0.{host}" for host in range(2, 34)]
        held = [server.subscribe("t", source)[0] for source in sources for _ in range(2)]
        dealt = shares()
        expect(sum(dealt) == 64 and all(dealt) and all(count % 2 == 0 for count in dealt), f"an address stays with its worker: {dealt}")
        config.write('slot = ["0=1", "1=1", "2=1", "3=1"]\n')
        config.flush()
        server.process.send_signal(signal.SIGHUP)
        expect(eventually(lambda: json.loads(server.ask("/admin")[1])["slots"] == [1, 1, 1, 1]), "all slots are worker 1's")
        held += [server.subscribe("t", source)[0] for source in sources]
        moved = shares()
        expect(moved == [dealt[0], dealt[1] + 32], f"who comes now is worker 1's, who was there stays: {dealt}, then {moved}")
        server.stop()


def workers_are_pinned():
    server = Server("--pin")

    def allowed():
        by_name = {}
        for task in os.scandir(f"/proc/{server.process.pid}/task"):
            with open(f"{task.path}/status") as status:
                fields = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
            by_name[fields["Name"]] = fields["Cpus_allowed_list"]
        return by_name
    wanted = {f"worker-{index}": str(index) for index in range(2) if index in os.sched_getaffinity(0)}
    expect(eventually(lambda: wanted.items() <= allowed().items()), f"worker N runs on CPU N: {allowed()}")
    server.stop()


def everybody_at_once():
    server = Server("--reconnect-surge", "2")
    calm = server.subscribe("t")[1]
    expect(2400 <= int(calm.split()[1]) <= 3600, f"3 s, a fifth more or less, when it is calm: {calm!r}")
    crowd = [server.subscribe("t")[1] for _ in range(200)]
    waits = [int(each.split()[1]) for each in crowd[-20:]]
    expect(all(12_000 <= wait <= 18_000 for wait in waits), f"15 s in a surge: {waits}")
    expect(len(set(waits)) > 10, f"and not the same for all: {waits}")
    server.stop()


def vanished_clients():
    """Who is gone without a word is found out by the ping that it does not answer; a kept connection by its silence."""
    server = Server("--heartbeat", "1s", "--pong-window", "1s", "--idle-deadline", "1s")
    silent = server.connect()
    silent.sendall(b"GET /ws/t HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                   b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    kept = server.connect()
    kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n")
    kept.recv(4096)
    expect(eventually(lambda: server.metric('subscriptions_ended_total{transport="websocket",cause="silent"}') == 1),
           "a WebSocket without pongs is counted as silent")
    expect(kept.recv(4096) == b"", "a connection without requests ends")
    server.stop()


def not_tls():
    with tempfile.TemporaryDirectory() as directory:
        certificate, key = os.path.join(directory, "cert.pem"), os.path.join(directory, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
                        "-keyout", key, "-out", certificate], check=True, stderr=subprocess.DEVNULL)
        for words, options in (("no such file", ("--cert", directory + "/none", "--key", key)),
                               ("a key for a certificate", ("--cert", key, "--key", certificate))):
            done = subprocess.run([sys.argv[1], "--listen", "127.0.0.1:0", *options], capture_output=True, text=True, timeout=20)
            expect(done.returncode == 1 and "hint:" in done.stderr, f"{words}: {done.returncode} {done.stderr}")
        server = Server("--cert", certificate, "--key", key)
        for sent in (b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n", bytes(64), b"\x16\x03\x01\xff\xff" + bytes(64)):
            with server.connect() as plain:
                try:
                    plain.sendall(sent)
                    plain.shutdown(socket.SHUT_WR)
                    while plain.recv(4096):
                        pass
                except OSError:
                    pass  # the server hung up in the middle, as it may
        context = ssl.create_default_context(cafile=certificate)

        def metrics():
            with context.wrap_socket(server.connect(), server_hostname="localhost") as secure:
                secure.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
                page = b""
                while got := secure.recv(65536):
                    page += got
            return page.decode()
        expect(eventually(lambda: 'errors_total{cause="tls_handshake"} 3' in metrics()), "three that did not shake hands")
        server.stop()


def refused(server):
    try:
        return server.ask("/healthz")[0] != 200
    except OSError:
        return True


def a_publisher_faster_than_everyone():
    server = Server("--outbox", "8")
    slow = server.connect()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.send(b"GET /sse/t HTTP/1.1\r\nHost: t\r\n\r\n")
    publisher = server.connect()
    body = b"x" * 10_000
    post = b"POST /topics/t HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    for _ in range(100):
        publisher.send(post * 20)
        got = b""
        while got.count(b"HTTP/1.1 202") < 20:
            got += publisher.recv(1 << 16)
    offered = server.metric('offered_total{transport="sse"}')
    page = server.ask("/metrics")[1]
    accounted = sum(float(line.rsplit(" ", 1)[1]) for line in page.splitlines()
                    if re.match(r'fanlight_server_(deliveries_total|dropped_frames_total|queued_frames)\{transport="sse"', line))
    expect(offered == 2000 and accounted == offered, f"offered {offered}, accounted for {accounted}")
    slow.close()
    server.stop()


for test in (descriptors_run_out, half_open_connections, slowly_dripping_header, full_disk_and_reload,
             a_publisher_faster_than_everyone, wrong_settings, the_example_settings, slots_move_by_reload, workers_are_pinned, everybody_at_once, vanished_clients, not_tls):
    before = len(failures)
    outcome = None
    try:
        outcome = test()
    except Exception as error:
        failures.append(f"{type(error).__name__}: {error}")
    print(f"{test.__name__}: {outcome or 'passed' if len(failures) == before else 'FAILED: ' + '; '.join(failures[before:before + 3])}")
sys.exit(1 if failures else 0)
