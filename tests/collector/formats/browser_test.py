"""SVG and HTML flame graphs in headless Chromium: search, zoom, invert, colours and keys, clicked and checked.

A script is added to the page that acts as a user does and writes what it sees into the document, which Chromium prints.
"""
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
RECORDING = str(Path(sys.argv.pop(1)) / "tests/data/recordings/v1.fanlight")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

ACT = """
(function () {
  var seen = {errors: []};
  window.addEventListener("error", function (event) { seen.errors.push(String(event.message)); });
  function all() { return Array.from(document.querySelectorAll(".box")); }
  function name(box) { return box.querySelector("title").textContent.split("\\n")[0]; }
  function wide(box) { return +box.querySelector("rect").getAttribute("width"); }
  function click(node) { node.dispatchEvent(new MouseEvent("click", {bubbles: true})); }
  function key(which) { document.dispatchEvent(new KeyboardEvent("keydown", {key: which, bubbles: true})); }
  function find(id) { return document.getElementById(id); }
  seen.boxes = all().length;
  seen.root = name(all()[0]);
  seen.rootWidth = wide(all()[0]);
  seen.tip = all()[1].querySelector("title").textContent;
  var search = find("search");
  search.value = "flush"; search.dispatchEvent(new Event("input", {bubbles: true}));
  seen.matched = find("matched").textContent;
  seen.found = all().filter(function (box) { return box.classList.contains("found"); }).map(name);
  search.value = "("; search.dispatchEvent(new Event("input", {bubbles: true}));
  seen.badPattern = find("matched").textContent;
  var target = all().filter(function (box) { return /Worker::flush$/.test(name(box)); })[0];
  seen.before = wide(target);
  click(target);
  var zoomed = all().filter(function (box) { return /Worker::flush$/.test(name(box)); })[0];
  seen.zoomed = wide(zoomed);
  seen.faded = all().filter(function (box) { return box.classList.contains("faded"); }).length;
  seen.resetShown = !find("reset").classList.contains("gone");
  click(find("reset"));
  seen.resetBoxes = all().length;
  var total = wide(all()[0]);
  click(find("invert"));
  seen.inverted = all().slice(1, 400).map(name);
  seen.firstRow = all().filter(function (box) { return box.querySelector("rect").getAttribute("y") === all()[1].querySelector("rect").getAttribute("y"); })
    .reduce(function (sum, box) { return sum + wide(box); }, 0) / total;
  key("i");
  seen.backUpright = all().length;
  var colour = all()[3].querySelector("rect").getAttribute("fill");
  key("c");
  seen.recoloured = all().some(function (box, i) { return i === 3 && box.querySelector("rect").getAttribute("fill") !== colour; });
  seen.colour = find("colour").textContent;
  var dark = document.querySelector(".flame").classList.contains("dark");
  key("d");
  seen.themed = document.querySelector(".flame").classList.contains("dark") !== dark;
  key("ArrowUp"); key("ArrowUp");
  seen.chosen = all().filter(function (box) { return box.classList.contains("chosen"); }).length;
  seen.details = find("details").textContent;
  key("Enter");
  seen.entered = all().filter(function (box) { return box.classList.contains("faded"); }).length;
  key("Escape");
  seen.end = all().length;
  var out = document.createElementNS("http://www.w3.org/1999/xhtml", "pre");
  out.setAttribute("id", "seen");
  out.textContent = "SEEN" + JSON.stringify(seen) + "NEES";
  document.documentElement.appendChild(out);
})();
"""


class Browser(unittest.TestCase):
    def seen(self, form):
        with tempfile.TemporaryDirectory() as directory:
            page = Path(directory) / f"page.{form}"
            subprocess.run([FANLIGHT, "export", RECORDING, "--view", "wall", "--format", form, "-o", page], check=True)
            text = page.read_text()
            end = "</body>" if form == "html" else "</svg>"
            script = f"<script>{ACT}</script>" if form == "html" else f"<script><![CDATA[{ACT}]]></script>"
            at = text.rindex(end)
            page.write_text(text[:at] + script + text[at:])
            done = subprocess.run(
                [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,900",
                 f"--user-data-dir={directory}/profile", "--virtual-time-budget=5000", "--dump-dom", page.as_uri()],
                capture_output=True, text=True, timeout=90, env={**os.environ, "HOME": directory})
            match = re.search("SEEN(.*?)NEES", done.stdout.replace("\n", ""))
            # The script's own text holds the words, too; what was written comes last.
            found = re.findall(r'id="seen"[^>]*>SEEN(.*?)NEES</pre>', done.stdout, re.S)
            self.assertTrue(found, f"{match}\n{done.stderr[-2000:]}")
            return json.loads(html.unescape(found[-1]))

    def check(self, form):
        seen = self.seen(form)
        self.assertEqual(seen["errors"], [])
        self.assertGreater(seen["boxes"], 50)
        self.assertEqual(seen["root"], "all")
        self.assertRegex(seen["tip"], r"\d s?.*, \d+\.\d %")
        self.assertRegex(seen["tip"], r"samples|sample")
        self.assertRegex(seen["matched"], r"^matched \d+\.\d %$")
        self.assertTrue(seen["found"])
        self.assertTrue(all("flush" in name for name in seen["found"]), seen["found"])
        self.assertEqual(seen["badPattern"][:7], "matched", "an unfinished pattern is taken as words")
        self.assertAlmostEqual(seen["zoomed"], seen["rootWidth"], delta=1)
        self.assertLess(seen["before"], seen["zoomed"] / 1.2)
        self.assertGreater(seen["faded"], 2)
        self.assertTrue(seen["resetShown"])
        self.assertEqual(seen["resetBoxes"], seen["boxes"])
        self.assertTrue(any("sock_def_readable" in name or "_raw_spin" in name or "[unsampled]" in name
                            for name in seen["inverted"]), seen["inverted"][:20])
        self.assertAlmostEqual(seen["firstRow"], 1, delta=0.02)
        self.assertEqual(seen["backUpright"], seen["boxes"])
        self.assertTrue(seen["recoloured"])
        self.assertEqual(seen["colour"], "colour: state")
        self.assertTrue(seen["themed"])
        self.assertEqual(seen["chosen"], 1)
        self.assertTrue(seen["details"])
        self.assertGreater(seen["entered"], 1)
        self.assertEqual(seen["end"], seen["boxes"])

    def test_html(self):
        self.check("html")

    def test_svg(self):
        self.check("svg")


if CHROMIUM is None:
    print("Chromium is not installed: apt-get install chromium")
    sys.exit(77)
unittest.main()
