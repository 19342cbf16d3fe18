"""What profilers say of programs that know their own time. Usage: truth_peers.py BUILD-DIRECTORY REPEAT

Each program waits at a gate until the tool is attached, and prints one JSON line per thread at its end. A tool is started,
given time to attach, and ended by SIGINT to the process that was started, once the program has ended."""

import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from figures import figure

BUILD = sys.argv[1]
REPEAT = int(sys.argv[2])
PROGRAMS = os.path.join(BUILD, "tests", "truth")
FANLIGHT = os.path.join(BUILD, "bin", "fanlight")
ATTACH_SECONDS = {"fanlight": 1.5, "bpftrace": 6, "perf sched": 2}
US = 1000

# The off-CPU script that everybody writes: keyed by tid, from switch-out to switch-in.
BPFTRACE = """
tracepoint:sched:sched_switch {
  if (pid == %d) { @out[tid] = nsecs; }
  $since = @out[args->next_pid];
  if ($since) {
    @off[args->next_pid] = sum(nsecs - $since);
    delete(@out[args->next_pid]);
  }
}
END { clear(@out); }
"""


STARTED = []


def start(command, **streams):
    process = subprocess.Popen(command, **streams)
    STARTED.append(process)
    return process


def end_all():
    for process in STARTED:
        if process.poll() is None:
            process.kill()
            process.wait()


def start_program(name, arguments):
    program = start([os.path.join(PROGRAMS, name), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if not program.stdout.readline().startswith("ready"):
        sys.exit(f"scripts/bench truth: {name} did not start")
    return program


def run(name, arguments, tool, command):
    """Returns the program's own lines, the tool's output, and why there is none."""
    program = start_program(name, arguments)
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        try:
            profiler = start(command(program.pid), stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        except OSError as error:
            program.communicate("")
            return [], "", str(error)
        time.sleep(ATTACH_SECONDS.get(tool, 3))
        text, _ = program.communicate("go\n" if profiler.poll() is None else "")
        time.sleep(0.3)
        if profiler.poll() is None:
            profiler.send_signal(signal.SIGINT)
        try:
            code = profiler.wait(timeout=30)
        except subprocess.TimeoutExpired:
            profiler.kill()
            code = profiler.wait()
        out.seek(0)
        err.seek(0)
        output, complaints = out.read(), err.read()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    failed = code not in (0, -signal.SIGINT, 130) or not output.strip()
    words = [line.strip() for line in complaints.splitlines() if line.strip()]
    return lines, output, (words[-1] if words else f"exit {code}, no output") if failed else ""


def fanlight(name, arguments):
    with tempfile.TemporaryDirectory() as work:
        file = os.path.join(work, "run.fanlight")
        lines, _, why = run(
            name, arguments, "fanlight", lambda pid: [FANLIGHT, "record", "--pid", str(pid), "--for", "60s", "-o", file]
        )
        report = subprocess.run([FANLIGHT, "report", file, "--json"], capture_output=True, text=True)
    if report.returncode != 0:
        return lines, None, why or report.stderr.splitlines()[0]
    return lines, json.loads(report.stdout)["threads"], ""


def ours(threads, tids, what):
    total = 0
    for thread in threads:
        if thread["tid"] not in tids:
            continue
        for state in what:
            spent = thread["ns"][state]
            total += sum(spent.values()) if isinstance(spent, dict) else spent
    return total


def offcputime(output, tids):
    """Stacks, then '-  comm (tid)', then the microseconds."""
    return sum(int(us) * US for tid, us in re.findall(r"-\s+.+ \((\d+)\)\n\s+(\d+)", output) if int(tid) in tids)


def bpftrace(output, tids):
    return sum(int(ns) for tid, ns in re.findall(r"@off\[(\d+)\]: (\d+)", output) if int(tid) in tids)


def runqlat(output, _):
    """Histogram by powers of two: the middle of each bucket stands for it, as nothing better is known."""
    buckets = re.findall(r"(\d+) -> (\d+)\s*: (\d+)", output)
    return sum((int(low) + int(high)) / 2 * int(count) * US for low, high, count in buckets)


def timehist(file, tids, columns):
    listed = subprocess.run(["perf", "sched", "timehist", "-i", file], capture_output=True, text=True)
    total = 0.0
    for line in listed.stdout.splitlines():
        found = re.match(r"\s*[\d.]+ \[\d+\]\s+.+?\[(\d+)(?:/\d+)?\]\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)", line)
        if found and int(found.group(1)) in tids:
            total += sum(float(found.group(2 + column)) for column in columns) * 1e6
    return total


def perf_sched(name, arguments, names, columns):
    with tempfile.TemporaryDirectory() as work:
        file = os.path.join(work, "sched.data")
        lines, _, why = run(name, arguments, "perf sched", lambda pid: ["perf", "sched", "record", "-o", file])
        value = timehist(file, tids_of(lines, names), columns) if os.path.exists(file) else 0
    return lines, value, "" if value else why or "nothing in its file"


SLEEPERS = ["sleep", "futex", "poll", "receive", "full"]
RIVALS = ["rival-1", "rival-2"]
SIDES = ["ping", "pong"]
ALL = ["running", "runnable", "blocked"]


def tids_of(lines, names):
    return {line["tid"] for line in lines if line["thread"] in names}


def part(lines, names):
    return sum(line["part_ns"] for line in lines if line["thread"] in names)


def waited(lines, names):
    return sum(line["wall_ns"] - line["cpu_ns"] for line in lines if line["thread"] in names)


def wall(lines, names):
    return sum(line["wall_ns"] for line in lines if line["thread"] in names)


# What is measured: program, its arguments, threads, truth by its own clock, ours, the kind of tool that claims it, and the
# columns of `perf sched timehist` that do: 0 from switch-out to switch-in, 1 from the wakeup on, 2 on a CPU.
CASES = [
    ("blocked, five threads in one long wait each", "truth_states", [], SLEEPERS, part, ["blocked"], "off-cpu", (0,)),
    ("runnable, two spinners on one CPU", "truth_states", [], RIVALS, waited, ["runnable"], "runnable", (1,)),
    ("blocked time of those two spinners", "truth_states", [], RIVALS, lambda lines, names: 0, ["blocked"], "off-cpu", (0,)),
    ("time accounted for, ping-pong that migrates", "truth_switches", ["1", "migrate"], SIDES, wall, ALL, "all", (0, 2)),
]


def row(what, tool, said, truth, why=""):
    if why:
        print(f"  {tool:<12} does not run here: {why[:110]}")
        return
    base = statistics.mean(truth)
    error = statistics.mean(said) - base
    figure(f"{what}, {tool}", statistics.mean(said) / 1e6, "ms")
    figure(f"{what}, {tool}, error", *((100 * error / base, "%") if base else (error / 1e6, "ms")))
    share = f"{100 * error / base:+8.2f} %" if base else f"{error / 1e6:+8.1f} ms"
    print(f"  {tool:<12} {statistics.mean(said) / 1e6:10.1f} ms  truth {base / 1e6:10.1f} ms  error {share}", flush=True)


BIRTHS = "threads seen, of 2001 that lived for a moment"
BPFTRACE_BIRTHS = "tracepoint:sched:sched_switch { if (pid == %d) { @seen[tid] = 1; } }"


def births():
    print(f"\n{BIRTHS}")
    _, threads, why = fanlight("truth_births", ["2000"])
    count("fanlight", len(threads or []), why)
    if not shutil.which("bpftrace"):
        missing("bpftrace")
        return
    _, output, why = run("truth_births", ["2000"], "bpftrace", lambda pid: ["bpftrace", "-e", BPFTRACE_BIRTHS % pid])
    count("bpftrace", len(re.findall(r"@seen", output)), why)


def count(tool, threads, why):
    if why:
        print(f"  {tool:<12} does not run here: {why[:110]}")
        return
    figure(f"{BIRTHS}, {tool}", threads, "threads")
    print(f"  {tool:<12} {threads}")


PACKAGES = {"offcputime": "libbpf-tools", "runqlat": "libbpf-tools", "bpftrace": "bpftrace", "perf sched": "linux-perf"}


def missing(tool):
    print(f"  {tool:<12} is not installed: apt-get install {PACKAGES[tool]}")


def repeated(take):
    """What was said and what was true in REPEAT runs, or why there are none: `take` returns the three of one run."""
    said, truth = [], []
    for _ in range(REPEAT):
        value, true, why = take()
        if why:
            return [], [], why
        said.append(value)
        truth.append(true)
    return said, truth, ""


def main():
    tools = {
        "offcputime": ("off-cpu", lambda pid: ["offcputime", "-p", str(pid), "60"], offcputime),
        "runqlat": ("runnable", lambda pid: ["runqlat", "-p", str(pid), "60", "1"], runqlat),
        "bpftrace": ("off-cpu", lambda pid: ["bpftrace", "-e", BPFTRACE % pid], bpftrace),
    }
    for what, program, arguments, names, truth_of, reasons, kind, columns in CASES:
        print(f"\n{what}", flush=True)

        def by_fanlight():
            lines, threads, why = fanlight(program, arguments)
            return (0, 0, why) if why else (ours(threads, tids_of(lines, names), reasons), truth_of(lines, names), "")

        def by_tool(tool, command, total):
            lines, output, why = run(program, arguments, tool, command)
            return (0, 0, why) if why else (total(output, tids_of(lines, names)), truth_of(lines, names), "")

        def by_perf():
            lines, value, why = perf_sched(program, arguments, names, columns)
            return (0, 0, why) if why else (value, truth_of(lines, names), "")

        row(what, "fanlight", *repeated(by_fanlight))
        for tool, (claims, command, total) in tools.items():
            if claims != kind:
                continue
            if shutil.which(tool):
                row(what, tool, *repeated(lambda: by_tool(tool, command, total)))
            else:
                missing(tool)
        if shutil.which("perf"):
            row(what, "perf sched", *repeated(by_perf))
        else:
            missing("perf sched")
    births()


try:
    main()
except KeyboardInterrupt:
    sys.exit(130)
finally:
    end_all()
