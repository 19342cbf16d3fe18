"""What other people's readers make of our files: go tool pprof, speedscope's own importer in Chromium, protoc on the trace.

None of them is needed to build: what is not installed is skipped, and said. speedscope: npm install speedscope, and its
directory in SPEEDSCOPE_DIR.
"""
import base64
import html
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

FANLIGHT = sys.argv.pop(1)
SOURCE = Path(sys.argv.pop(1))
RECORDING = str(SOURCE / "tests/data/recordings/v1.fanlight")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SPEEDSCOPE = Path(os.environ.get("SPEEDSCOPE_DIR", "/nonexistent"))


def export(directory, form, *more):
    path = Path(directory) / f"out.{form}"
    subprocess.run([FANLIGHT, "export", RECORDING, "--format", form, "-o", path, *more], check=True, capture_output=True)
    return path


def folded_total():
    text = subprocess.run([FANLIGHT, "export", RECORDING], check=True, capture_output=True, text=True).stdout
    return sum(int(line.rsplit(" ", 1)[1]) for line in text.splitlines())


class Foreign(unittest.TestCase):
    def setUp(self):
        self.holder = tempfile.TemporaryDirectory()
        self.directory = self.holder.name

    def tearDown(self):
        self.holder.cleanup()

    @unittest.skipIf(shutil.which("go") is None, "go is not installed (apt-get install golang-go)")
    def test_go_tool_pprof(self):
        path = export(self.directory, "pprof")

        def pprof(*arguments):
            done = subprocess.run(["go", "tool", "pprof", *arguments, path], capture_output=True, text=True,
                                  env={**os.environ, "HOME": self.directory, "PPROF_TMPDIR": self.directory})
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout

        raw = pprof("-raw")
        self.assertIn("samples/count wall/nanoseconds[dflt] cpu/nanoseconds runnable/nanoseconds off_cpu/nanoseconds", raw)
        total = 0
        for line in raw.split("Samples:")[1].split("Locations")[0].splitlines():
            match = re.match(r"\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+): ", line)
            if not match:
                continue
            _, wall, cpu, runnable, off_cpu = map(int, match.groups())
            self.assertEqual(wall, cpu + runnable + off_cpu)
            total += wall
        self.assertEqual(total, folded_total())
        self.assertIn("fanlight::server::hub::Worker::flush", pprof("-top", "-sample_index=cpu"))
        self.assertIn("thread:", pprof("-tags").replace(" ", ""))
        self.assertIn("blocked: epoll/poll/select", pprof("-tags"))

    @unittest.skipIf(CHROMIUM is None, "Chromium is not installed")
    @unittest.skipUnless((SPEEDSCOPE / "dist/release/index.html").exists(), "speedscope is not in SPEEDSCOPE_DIR")
    def test_speedscopes_own_importer(self):
        profile = export(self.directory, "speedscope", "--view", "wall")
        # What speedscope's command does: the profile as a script, named in the page's address.
        encoded = base64.b64encode(profile.read_bytes()).decode()
        script = Path(self.directory) / "profile.js"
        script.write_text(f"speedscope.loadFileFromBase64('wall.speedscope.json', '{encoded}')")
        page = f"file://{SPEEDSCOPE}/dist/release/index.html#localProfilePath={script}"
        done = subprocess.run(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--use-gl=swiftshader",
             "--allow-file-access-from-files", f"--user-data-dir={self.directory}/profile", "--virtual-time-budget=20000",
             "--dump-dom", page],
            capture_output=True, text=True, timeout=120, env={**os.environ, "HOME": self.directory})
        title = html.unescape(re.search("<title>(.*?)</title>", done.stdout, re.S).group(1))
        self.assertIn("wall", title, done.stdout[-1500:])
        self.assertNotIn("Unrecognized format", done.stdout)

    @unittest.skipIf(shutil.which("protoc") is None, "protoc is not installed")
    def test_the_trace_is_whole(self):
        path = export(self.directory, "perfetto")
        done = subprocess.run(
            ["protoc", f"--proto_path={SOURCE}", "--decode=fanlight.formats.trace.Trace", "collector/formats/perfetto.proto"],
            stdin=path.open("rb"), capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        text = done.stdout
        self.assertNotRegex(text, r"^\s+\d+:", "no field that the messages do not know")
        self.assertIn('thread_name: "worker-0"', text)
        self.assertEqual(text.count("TYPE_SLICE_BEGIN"), text.count("TYPE_SLICE_END"))
        self.assertGreater(text.count("perf_sample"), 30)
        self.assertIn('name: "worker-0 wakeups"', text)
        stacks = set(re.findall(r"callstacks \{\s*iid: (\d+)", text))
        self.assertTrue(set(re.findall(r"callstack_iid: (\d+)", text)) <= stacks)

    def test_the_json_is_what_its_schema_says(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        schema = json.loads((SOURCE / "docs/profile.schema.json").read_text())
        jsonschema.validate(json.loads(export(self.directory, "json").read_text()), schema)


unittest.main()
