#!/usr/bin/env python3
"""The server's own page in Chromium: EventSource and WebSocket, a connection that breaks, and what comes after.

In: the server's path. Out: a line per failed expectation, exit 1 when there is one, 77 without chromium and its driver.
"""
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from wire import Wire

failures = []


def expect(condition, what):
    if not condition:
        failures.append(what)


def eventually(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


class Browser:
    """Chromium by the WebDriver protocol (w3.org/TR/webdriver2)."""

    def __init__(self, profile):
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                self.base = f"http://127.0.0.1:{found.group(1)}"
                break
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                            f"--user-data-dir={profile}"]}
        answer = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}})
        self.base += f"/session/{answer['sessionId']}"

    def ask(self, method, path, body=None):
        request = urllib.request.Request(self.base + path, method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def go(self, url):
        self.ask("POST", "/url", {"url": url})

    def run(self, script):
        return self.ask("POST", "/execute/sync", {"script": script, "args": []})

    def text(self, element):
        return self.run(f"return document.getElementById('{element}').textContent")

    def close(self):
        try:
            self.ask("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()


def main():
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        print("left out: chromium and chromium-driver are not installed")
        return 77
    server = subprocess.Popen([sys.argv[1], "--listen", "127.0.0.1:0", "--sample-hz", "0", "--history", "4"],
                              stderr=subprocess.PIPE, text=True)
    port = int(re.search(r":(\d+)$", server.stderr.readline().strip()).group(1))
    threading.Thread(target=server.stderr.read, daemon=True).start()
    wire = Wire(port)

    def publish(*bodies):
        for body in bodies:
            request = urllib.request.Request(f"http://127.0.0.1:{port}/topics/page", data=body.encode())
            urllib.request.urlopen(request, timeout=10).read()

    def subscribers():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/topics/page", timeout=10) as answer:
            return json.load(answer)["subscribers"]

    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(profile)
        try:
            def both(what, value):
                return lambda: all(browser.text(f"{row}-{what}") == value for row in ("sse", "ws"))

            browser.go(f"http://127.0.0.1:{wire.port}/")
            browser.run("document.getElementById('topic').value = 'page'; document.getElementById('subscribe').click()")
            expect(eventually(lambda: subscribers() == 2), "EventSource and WebSocket subscribe")
            expect(eventually(both("state", "open")), "both say that they are open")
            publish("one", "two")
            browser.run("document.getElementById('message').value = 'from the page'; document.getElementById('publish').click()")
            expect(eventually(both("count", "3")), "both get what others and the page itself publish")
            log = browser.text("log")
            expect("sse #3 from the page" in log and "ws #3 from the page" in log, f"the log shows them: {log!r}")

            wire.cut()
            expect(eventually(lambda: subscribers() == 0), "the server notices that the connections broke")
            publish("missed 4", "missed 5")
            expect(eventually(both("count", "5")), "after reconnecting both have what they missed, once")
            expect(both("id", "5")() and both("gaps", "0")(), "by Last-Event-ID and by 'after', without a gap")
            expect(eventually(lambda: subscribers() == 2), "both are back")

            wire.cut()
            expect(eventually(lambda: subscribers() == 0), "they break again")
            publish(*(f"flood {id}" for id in range(6, 12)))
            expect(eventually(both("id", "11")), "what the history still holds arrives")
            log = browser.text("log")
            for row in ("sse", "ws"):
                expect(re.search(rf'^{row} .*"lost":2', log, re.MULTILINE), f"{row} is told that two are gone: {log!r}")

            time.sleep(1.5)  # the plot is drawn once a second
            drawn = browser.run("const c = document.getElementById('plot');"
                                "return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v > 0)")
            expect(drawn, "the plot is not blank")
        finally:
            browser.close()
            server.terminate()
            server.wait()
    for failure in failures:
        print(f"FAILED: {failure}")
    print(f"{'failed' if failures else 'passed'}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
