"""Debian's own Prometheus scrapes a collector and computes the rules of docs/prometheus; promtool checks the files."""
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import urllib.request
from pathlib import Path

from toy import Toy

PROGRAM = sys.argv.pop(1)
DOCS = Path(sys.argv.pop(1)) / "docs"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Files(unittest.TestCase):
    def test_promtool_accepts_rules_their_tests_and_the_configuration(self):
        for command in (["check", "rules", "rules.yml"], ["test", "rules", "rules_test.yml"],
                        ["check", "config", "prometheus.yml"]):
            done = subprocess.run(["promtool", *command], cwd=DOCS / "prometheus", capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_promtool_finds_nothing_to_complain_of_in_the_page(self):
        with Toy(PROGRAM) as toy:
            page = urllib.request.urlopen(f"http://127.0.0.1:{toy.port}/metrics", timeout=10).read()
        done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stdout.decode() + done.stderr.decode())

    def test_the_dashboard_asks_for_metrics_that_exist(self):
        dashboard = json.loads((DOCS / "grafana" / "fanlight.json").read_text())
        with Toy(PROGRAM) as toy:
            page = urllib.request.urlopen(f"http://127.0.0.1:{toy.port}/metrics", timeout=10).read().decode()
        asked = 0
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                for word in target["expr"].replace("(", " ").replace("{", " ").split():
                    if not word.startswith("fanlight_"):
                        continue
                    asked += 1
                    self.assertIn("\n" + word, "\n" + page, panel["title"])
        self.assertGreater(asked, 10)


class Scrape(unittest.TestCase):
    def ask(self, port, path, **parameters):
        url = f"http://127.0.0.1:{port}{path}?" + urllib.parse.urlencode(parameters)
        return json.load(urllib.request.urlopen(url, timeout=10))["data"]

    def wait_for(self, port, query):
        for _ in range(150):
            try:
                result = self.ask(port, "/api/v1/query", query=query)["result"]
                if result:
                    return result
            except OSError:
                pass
            time.sleep(0.2)
        self.fail(f"no result for {query}")

    def test_prometheus_scrapes_and_knows_the_metrics(self):
        port = free_port()
        with Toy(PROGRAM) as toy, tempfile.TemporaryDirectory() as directory:
            shutil.copy(DOCS / "prometheus" / "rules.yml", directory)
            configuration = (DOCS / "prometheus" / "prometheus.yml").read_text()
            configuration = configuration.replace("127.0.0.1:9180", f"127.0.0.1:{toy.port}").replace(
                "scrape_interval: 5s", "scrape_interval: 1s")
            Path(directory, "prometheus.yml").write_text(configuration)
            prometheus = subprocess.Popen(
                ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
                 f"--web.listen-address=127.0.0.1:{port}"],
                cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                self.assertEqual(self.wait_for(port, 'up{job="fanlight"} == 1')[0]["value"][1], "1")
                running = self.wait_for(port, 'fanlight_thread_seconds_total{thread="worker-1",state="running"}')
                self.assertAlmostEqual(float(running[0]["value"][1]), 1.400000002)
                queue = self.wait_for(port, 'fanlight_run_queue_seconds_count')
                self.assertEqual(queue[0]["value"][1], "8")
                types = self.ask(port, "/api/v1/metadata", metric="fanlight_run_queue_seconds")
                self.assertEqual(types["fanlight_run_queue_seconds"][0]["type"], "histogram")
            finally:
                prometheus.terminate()
                prometheus.wait(timeout=20)


if shutil.which("prometheus") is None or shutil.which("promtool") is None:
    print("prometheus is not installed: scripts/setup installs it")
    sys.exit(77)
unittest.main()
