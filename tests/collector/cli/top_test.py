"""fanlight top in a terminal of 80 by 24, through tmux: what it shows, and what its keys do."""
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

SERVE = Path(__file__).resolve().parents[1] / "serve"
sys.path.insert(0, str(SERVE))
from toy import Toy  # noqa: E402

PROGRAM = sys.argv.pop(1)
FANLIGHT = sys.argv.pop(1)


class Top(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.toy = Toy(PROGRAM)
        self.socket = str(Path(self.directory.name) / "tmux")
        self.tmux("new-session", "-d", "-x", "80", "-y", "24", "-c", self.directory.name,
                  f"{FANLIGHT} top --connect 127.0.0.1:{self.toy.port}; echo left with $?; sleep 60")

    def tearDown(self):
        self.tmux("kill-server")
        self.toy.__exit__()
        self.directory.cleanup()

    def tmux(self, *command):
        # A server of its own, whatever the user's configuration says.
        return subprocess.run(["tmux", "-f", "/dev/null", "-S", self.socket, *command], capture_output=True, text=True,
                              env={**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}).stdout

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def wait_for(self, words, absent=False):
        for _ in range(100):
            screen = self.screen()
            if (words in screen) != absent:
                return screen
            time.sleep(0.1)
        self.fail(f"{'still' if absent else 'never'} '{words}' on\n{self.screen()}")

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def test_the_first_page_fits_and_says_what_matters(self):
        screen = self.wait_for("fanlight-server")
        lines = screen.split("\n")
        self.assertLessEqual(max(len(line) for line in lines), 80)
        for words in ("fanlight top: fanlight-server (pid 4242)", "running 56.0 %", "queue p50", "deliveries",
                      "socket writes", "worker-1", "worker-2", "functions, oncpu", "tcp_sendmsg", "q quit"):
            self.assertIn(words, screen)

    def test_keys_sort_filter_freeze_and_save(self):
        self.wait_for("worker-1")
        lines = [line for line in self.screen().split("\n") if line.startswith("worker-")]
        self.assertTrue(lines[0].startswith("worker-1"), "busiest first")
        self.keys("s", "s")  # by blocked time
        self.keys("/")
        self.wait_for("filter: _")
        self.keys("worker-2", "Enter")
        self.wait_for("worker-1", absent=True)
        self.assertIn("worker-2", self.screen())
        self.keys("/", "Escape")
        self.wait_for("worker-1")
        self.keys("Space")
        self.wait_for("FROZEN")
        self.keys("Space")
        self.wait_for("FROZEN", absent=True)
        self.keys("w")
        self.wait_for("saved as fanlight-")
        saved = list(Path(self.directory.name).glob("fanlight-*.pb.gz"))
        self.assertEqual(len(saved), 1)
        report = subprocess.run([FANLIGHT, "report", saved[0]], capture_output=True, text=True)
        self.assertEqual(report.returncode, 0, report.stderr)

    def test_every_panel_comes_by_and_q_leaves_the_terminal_as_it_was(self):
        self.wait_for("functions, oncpu")
        self.keys("v")
        self.wait_for("functions, offcpu")
        for words in ("slow clients", "map operations", "locks of the target", "ledger", "functions"):
            self.keys("Tab")
            screen = self.wait_for(words)
        self.keys("Tab", "Tab", "Tab")
        screen = self.wait_for("Hub::subscribers")
        self.assertIn("worker-2", screen)
        self.keys("q")
        self.wait_for("left with 0")

    def test_a_collector_that_goes_away_is_an_error_in_words(self):
        self.wait_for("worker-1")
        self.toy.__exit__()
        screen = self.wait_for("left with 1")
        self.assertIn("fanlight: top:", screen)
        self.toy = Toy(PROGRAM)


if shutil.which("tmux") is None:
    print("tmux is not installed: scripts/setup installs it")
    sys.exit(77)
unittest.main()
