"""What a profiler costs the broadcaster: runs with and without it alternate. In: tools. Out: a table of ratios."""

import argparse
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from figures import figure

PACKAGES = {"perf": "linux-perf", "offcputime": "libbpf-tools", "runqlat": "libbpf-tools", "bpftrace": "bpftrace"}

# Half of the two-sided 95 % interval of Student's t, by degrees of freedom.
STUDENT = [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18]


def tools(build, work):
    fanlight = [f"{build}/bin/fanlight", "record", "--pid", "PID", "-o", f"{work}/run.fanlight"]
    return {
        "nothing": None,
        "fanlight": (fanlight, "recording"),
        "fanlight-budget": (fanlight + ["--budget", "1%"], "recording"),
        "perf": (["perf", "record", "-q", "-e", "cpu-clock", "-F", "99", "-g", "-p", "PID", "-o", f"{work}/perf.data"], ""),
        "offcputime": (["offcputime", "-p", "PID"], ""),
        "runqlat": (["runqlat", "-p", "PID"], ""),
        "bpftrace": (["bpftrace", "-e", "profile:hz:99 /pid == PID/ { @[kstack, ustack] = count(); }"], ""),
    }


class Server:
    def __init__(self, build, workers):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            ["taskset", "-c", "0", f"{build}/bin/fanlight-server", "--listen", "127.0.0.1:0", "--workers", str(workers)],
            stdout=self.log, stderr=subprocess.STDOUT)
        for _ in range(200):
            self.log.seek(0)
            text = self.log.read()
            if "listening on http://" in text:
                self.url = "http://" + text.split("listening on http://")[1].split()[0]
                return
            time.sleep(0.05)
        self.stop()
        sys.exit("scripts/bench broadcaster: the server did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def load(server, options, rate):
    """One run of the load tester: CPU seconds of the server per million deliveries, and p99 in ns, None when more than a
    hundredth never came."""
    out = subprocess.run(
        ["taskset", "-c", "1", f"{options.build}/bin/fanlight-load", "--url", server.url, "--sse", str(options.subscribers),
         "--ws", "0", "--rate", str(rate), "--size", "128", "--for", f"{options.seconds}s", "--warmup", "300ms",
         "--drain", "1s", "--server-pid", str(server.process.pid), "--quiet", "--json", "-"],
        capture_output=True, text=True, check=False)
    try:
        report = json.loads(out.stdout)
    except json.JSONDecodeError:
        sys.exit(f"scripts/bench broadcaster: the load tester failed: {last_line(out.stderr)}")
    received = report["sse"]["received"]
    if received == 0:
        sys.exit(f"scripts/bench broadcaster: nothing was delivered: {last_line(out.stderr)}")
    return {"cpu": report["server"]["cpu_seconds"] / (received / 1e6), "p99": report["sse"]["latency_ns"]["p99"],
            "rate": received / options.seconds, "cpu_share": report["server"]["cpu_seconds"] / options.seconds,
            "whole": received >= 0.99 * report["sse"]["expected"]}


def last_line(text):
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it said nothing")


def fill(server, options):
    """A rate that leaves the server a tenth of its core, or the one before messages were lost: what a delivery costs at a
    modest rate says little, as more of them leave in one send when the server is busy."""
    rate = 100
    best = load(server, options, rate)
    for _ in range(5):
        if not 0 < best["cpu_share"] < 0.8:
            break
        higher = int(rate * min(0.9 / best["cpu_share"], 3))
        run = load(server, options, higher)
        if not run["whole"] or run["rate"] < 1.05 * best["rate"]:
            break
        rate, best = higher, run
    return rate


def start(tool, server, work):
    if tool is None:
        return None
    command, ready = tool
    command = [word.replace("PID", str(server.process.pid)) for word in command]
    log = open(f"{work}/tool.log", "w+")
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    # Those that do not say when they are ready get a second and a half.
    patience = 100 if ready else 30
    for _ in range(patience):
        time.sleep(0.05)
        log.seek(0)
        said = log.read()
        if process.poll() is not None:
            raise RuntimeError(f"does not run here: {last_line(said)[:100]}")
        if ready and ready in said:
            break
    return process


def stop(process):
    """Ends it as Ctrl-C would; its CPU seconds."""
    if process is None:
        return 0.0
    with open(f"/proc/{process.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    process.send_signal(signal.SIGINT)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def interval(ratios):
    """Geometric mean and its 95 % interval."""
    logs = [math.log(ratio) for ratio in ratios]
    mean = sum(logs) / len(logs)
    if len(logs) < 2:
        return math.exp(mean), math.nan, math.nan
    deviation = math.sqrt(sum((one - mean) ** 2 for one in logs) / (len(logs) - 1))
    half = STUDENT[min(len(logs) - 2, len(STUDENT) - 1)] * deviation / math.sqrt(len(logs))
    return math.exp(mean), math.exp(mean - half), math.exp(mean + half)


def measure(tool, server, options, work, rate, what):
    runs = [load(server, options, rate)[what]]
    ratios = []
    own = 0.0
    for _ in range(options.rounds):
        process = start(tool, server, work)
        try:
            on = load(server, options, rate)[what]
        finally:
            own += stop(process)
        runs.append(load(server, options, rate)[what])
        if None in (on, runs[-1], runs[-2]):
            raise RuntimeError(f"messages were lost at {rate} a second {'beside it' if on is None else 'without it'}")
        ratios.append(on / ((runs[-1] + runs[-2]) / 2))
    return interval(ratios), own / (options.rounds * (options.seconds + 1))


def positive(text):
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"a number above zero, not '{text}'")
    return int(text)


def cell(mean, low, high):
    return f"{mean:.3f} ({low:.3f} .. {high:.3f})" if math.isfinite(low) else f"{mean:.3f} (one run)"


def show(name, tool, server, options, work, full):
    """A row: CPU at full load, p99 at half of it. What could not be measured says why."""
    cells = []
    own = math.nan
    for what, title, rate in (("cpu", "CPU per delivery at full load", full), ("p99", "p99 at half load", full // 2)):
        try:
            (mean, low, high), spent = measure(tool, server, options, work, rate, what)
        except RuntimeError as error:
            cells.append(str(error))
            continue
        own = spent if what == "cpu" else own
        cells.append(cell(mean, low, high))
        figure(f"{name}, {title}, beside none", mean, "x")
        figure(f"{name}, {title}, beside none, 95 % from", low, "x")
        figure(f"{name}, {title}, beside none, 95 % to", high, "x")
    if math.isfinite(own):
        figure(f"{name}, own CPU at full load", own, "cores")
    if cells[0] == cells[1]:
        cells.pop()
    print(f"{name:16} {'  '.join(f'{one:>28}' for one in cells)}" + (f" {100 * own:8.1f}%" if math.isfinite(own) else ""),
          flush=True)


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench broadcaster --")
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--tool", action="append", default=[])
    parser.add_argument("--rounds", type=positive, default=4)
    parser.add_argument("--seconds", type=positive, default=3)
    parser.add_argument("--subscribers", type=positive, default=500)
    parser.add_argument("--full-rate", type=positive, help="messages per second (default: found out)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        known = tools(options.build, work)
        for name in options.tool:
            if name not in known:
                parser.error(f"no tool is called '{name}'; there are: {' '.join(known)}")
        server = Server(options.build, 1)
        try:
            full = options.full_rate or fill(server, options)
            top = load(server, options, full)
            figure("full load", top["rate"], "deliveries/s")
            figure("full load, CPU per million deliveries", top["cpu"], "s")
            print(f"{options.subscribers} subscribers, 128 B; full load: {full} messages a second, {top['rate']:.0f} deliveries/s, "
                  f"server {100 * top['cpu_share']:.0f} % of its core, {top['cpu']:.2f} s of CPU per million deliveries")
            print(f"{'profiler':16} {'CPU per delivery, full load':>28}  {'p99, half load':>28} {'own CPU':>9}", flush=True)
            for name in options.tool or known:
                tool = known[name]
                if tool is not None and shutil.which(tool[0][0]) is None:
                    print(f"{name:16} not installed: apt-get install {PACKAGES.get(name, name)}", flush=True)
                    continue
                show(name, tool, server, options, work, full)
        finally:
            server.stop()


try:
    main()
except KeyboardInterrupt:
    sys.exit(130)
