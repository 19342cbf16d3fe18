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
        sys.exit("the server did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def load(build, server, options, rate):
    """One run of the load tester: CPU seconds of the server per million deliveries, and p99 in ns."""
    out = subprocess.run(
        ["taskset", "-c", "1", f"{build}/bin/fanlight-load", "--url", server.url, "--sse", str(options.subscribers), "--ws", "0",
         "--rate", str(rate), "--size", "128", "--for", f"{options.seconds}s", "--warmup", "300ms", "--drain", "1s",
         "--server-pid", str(server.process.pid), "--quiet", "--json", "-"],
        capture_output=True, text=True, check=False)
    report = json.loads(out.stdout)
    received = report["sse"]["received"]
    return {"cpu": report["server"]["cpu_seconds"] / (received / 1e6), "p99": report["sse"]["latency_ns"]["p99"],
            "rate": received / options.seconds, "cpu_share": report["server"]["cpu_seconds"] / options.seconds}


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
            raise RuntimeError(said.strip().splitlines()[-1:] or ["it ended"])
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
        return math.exp(mean), 0.0, float("inf")
    deviation = math.sqrt(sum((one - mean) ** 2 for one in logs) / (len(logs) - 1))
    half = STUDENT[min(len(logs) - 2, len(STUDENT) - 1)] * deviation / math.sqrt(len(logs))
    return math.exp(mean), math.exp(mean - half), math.exp(mean + half)


def measure(name, tool, server, options, work, rate, what):
    runs = [load(options.build, server, options, rate)[what]]
    ratios = []
    own = 0.0
    for _ in range(options.rounds):
        process = start(tool, server, work)
        on = load(options.build, server, options, rate)
        own += stop(process)
        runs.append(load(options.build, server, options, rate)[what])
        ratios.append(on[what] / ((runs[-1] + runs[-2]) / 2))
    return interval(ratios), own / (options.rounds * (options.seconds + 1))


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench broadcaster --")
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--tool", action="append", default=[])
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--subscribers", type=int, default=500)
    parser.add_argument("--full-rate", type=int, default=0, help="messages per second; 0: found out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        known = tools(options.build, work)
        for name in options.tool:
            if name not in known:
                parser.error(f"no tool is called '{name}'; there are: {' '.join(known)}")
        server = Server(options.build, 1)
        try:
            full = options.full_rate
            if full == 0:
                # What one delivery costs at a modest rate says how many fill the core.
                modest = load(options.build, server, options, 100)
                full = int(0.9 / (modest["cpu"] / 1e6) / options.subscribers)
            top = load(options.build, server, options, full)
            print(f"{options.subscribers} subscribers, 128 B; full load: {full} messages a second, {top['rate']:.0f} deliveries/s, "
                  f"server {100 * top['cpu_share']:.0f} % of its core, {top['cpu']:.2f} s of CPU per million deliveries")
            print(f"{'profiler':16} {'CPU per delivery, full load':>30} {'p99, half load':>26} {'own CPU':>9}")
            for name in options.tool or known:
                tool = known[name]
                if tool is not None and shutil.which(tool[0][0]) is None:
                    print(f"{name:16} not installed")
                    continue
                try:
                    (cpu, low, high), own = measure(name, tool, server, options, work, full, "cpu")
                    (p99, p99_low, p99_high), _ = measure(name, tool, server, options, work, full // 2, "p99")
                except RuntimeError as error:
                    print(f"{name:16} does not run here: {error.args[0][0][:100]}")
                    continue
                print(f"{name:16} {cpu:8.3f} ({low:.3f} .. {high:.3f}) {p99:14.3f} ({p99_low:.3f} .. {p99_high:.3f})"
                      f" {100 * own:8.1f}%", flush=True)
        finally:
            server.stop()


main()
