#!/usr/bin/env python3
"""The running server under what goes wrong around it: no descriptors, half-open connections, a full disk, SIGHUP, SIGTERM.

In: the server's path. Out: a line per failed expectation, exit 1 when there is one.
"""
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
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

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

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
        config.write("nonsense = 1\n")
        config.flush()
        process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        expect(server.ask("/topics/t?token=secret", b"x")[0] == 202, "keeps the old limits when the file is wrong")
        process.terminate()
        expect(process.wait(timeout=20) == 0, "stops")


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
             a_publisher_faster_than_everyone):
    before = len(failures)
    try:
        test()
    except Exception as error:
        failures.append(f"{type(error).__name__}: {error}")
    print(f"{test.__name__}: {'passed' if len(failures) == before else 'FAILED: ' + '; '.join(failures[before:before + 3])}")
sys.exit(1 if failures else 0)
