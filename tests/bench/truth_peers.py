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

BUILD = sys.argv[1]
REPEAT = int(sys.argv[2])
PROGRAMS = os.path.join(BUILD, "tests", "truth")
FANLIGHT = os.path.join(BUILD, "bin", "fanlight")
ATTACH_SECONDS = {"fanlight": 1.5, "bpftrace": 6, "perf sched": 2}
US = 1000

# The off-CPU script that everybody writes: keyed by tid, from switch-out to switch-in.
BPFTRACE = """
rawtracepoint:sched_switch {
  $prev = (struct task_struct *)arg1;
  $next = (struct task_struct *)arg2;
  if ($prev->tgid == %d) { @out[$prev->pid] = nsecs; }
  if ($next->tgid == %d && @out[$next->pid]) {
    @off[$next->pid, $next->comm] = sum(nsecs - @out[$next->pid]);
    delete(@out[$next->pid]);
  }
}
END { clear(@out); }
"""


def start_program(name, arguments):
    program = subprocess.Popen(
        [os.path.join(PROGRAMS, name), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert program.stdout.readline().startswith("ready"), name
    return program


def run(name, arguments, tool, command):
    """Returns the program's own lines, the tool's output, and why there is none."""
    program = start_program(name, arguments)
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        try:
            profiler = subprocess.Popen(command(program.pid), stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        except OSError as error:
            program.stdin.close()
            program.communicate()
            return [], "", str(error)
        time.sleep(ATTACH_SECONDS.get(tool, 3))
        if profiler.poll() is None:
            program.stdin.write("go\n")
            program.stdin.flush()
        else:
            program.stdin.close()
        text, _ = program.communicate()
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
    file = tempfile.mktemp(suffix=".fanlight")
    lines, _, _ = run(
        name, arguments, "fanlight", lambda pid: [FANLIGHT, "record", "--pid", str(pid), "--for", "60s", "-o", file]
    )
    report = subprocess.run([FANLIGHT, "report", file, "--json"], capture_output=True, text=True)
    for leftover in (file, file + "-wal", file + "-shm"):
        if os.path.exists(leftover):
            os.unlink(leftover)
    if report.returncode != 0:
        return lines, None, report.stderr.splitlines()[0]
    return lines, json.loads(report.stdout)["threads"], ""


def ours(threads, names, what):
    total = 0
    for thread in threads:
        if thread["name"] not in names:
            continue
        total += sum(thread["ns"]["blocked"].values()) if "blocked" in what else 0
        total += sum(thread["ns"]["runnable"].values()) if "runnable" in what else 0
    return total


def offcputime(output, names):
    """Stacks, then '-  comm (tid)', then the microseconds."""
    total = 0
    for comm, us in re.findall(r"-\s+(\S+) \(\d+\)\n\s+(\d+)", output):
        total += int(us) * US if comm in names else 0
    return total


def bpftrace(output, names):
    return sum(int(ns) for comm, ns in re.findall(r"@off\[\d+, ([^\]]+)\]: (\d+)", output) if comm in names)


def runqlat(output, _):
    """Histogram by powers of two: the middle of each bucket stands for it, as nothing better is known."""
    total = 0
    for low, high, count in re.findall(r"(\d+) -> (\d+)\s*: (\d+)", output):
        total += (int(low) + int(high)) / 2 * int(count) * US
    return total


def timehist(file, names, column):
    listed = subprocess.run(["perf", "sched", "timehist", "-i", file], capture_output=True, text=True)
    total = 0.0
    for line in listed.stdout.splitlines():
        found = re.match(r"\s*[\d.]+ \[\d+\]\s+(\S+?)\[[\d/]+\]\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)", line)
        if found and found.group(1) in names:
            total += float(found.group(2 + column)) * 1e6
    return total


def perf_sched(name, arguments, names, column):
    file = tempfile.mktemp(suffix=".perf")
    lines, _, why = run(name, arguments, "perf sched", lambda pid: ["perf", "sched", "record", "-o", file])
    value = timehist(file, names, column) if os.path.exists(file) else 0
    if os.path.exists(file):
        os.unlink(file)
    return lines, value, "" if value else why or "nothing in its file"


SLEEPERS = ["sleep", "futex", "poll", "receive", "full"]
RIVALS = ["rival-1", "rival-2"]
SIDES = ["ping", "pong"]


def part(lines, names):
    return sum(line["part_ns"] for line in lines if line["thread"] in names)


def waited(lines, names):
    return sum(line["wall_ns"] - line["cpu_ns"] for line in lines if line["thread"] in names)


def off_cpu(lines, names):
    return sum(line["wall_ns"] - line["ran_ns"] for line in lines if line["thread"] in names)


# What is measured: program, its arguments, threads, truth by its own clock, ours, and whether a tool of the kind claims it.
CASES = [
    ("blocked, five threads in one long wait each", "truth_states", [], SLEEPERS, part, ["blocked"], "off-cpu", 2),
    ("runnable, two spinners on one CPU", "truth_states", [], RIVALS, waited, ["runnable"], "runnable", 1),
    ("blocked time of those two spinners", "truth_states", [], RIVALS, lambda lines, names: 0, ["blocked"], "off-cpu", 0),
    ("off CPU, ping-pong that migrates", "truth_switches", ["1", "migrate"], SIDES, off_cpu, ["blocked", "runnable"], "off-cpu", 0),
]


def row(what, tool, said, truth, why=""):
    if why:
        print(f"  {tool:<12} does not run here: {why[:110]}")
        return
    values = [s - t for s, t in zip(said, truth)]
    base = statistics.mean(truth)
    error = statistics.mean(values)
    share = f"{100 * error / base:+8.2f} %" if base else f"{error / 1e6:+8.1f} ms"
    print(f"  {tool:<12} {statistics.mean(said) / 1e6:10.1f} ms  truth {base / 1e6:10.1f} ms  error {share}")


def births():
    print("\nthreads seen, of 2001 that lived for a moment")
    lines, threads, why = fanlight("truth_births", ["2000"])
    print(f"  {'fanlight':<12} {len(threads) if threads is not None else why}")
    if shutil.which("bpftrace"):
        script = "rawtracepoint:sched_switch { $p = (struct task_struct *)arg1; if ($p->tgid == %d) { @seen[$p->pid] = 1; } }"
        _, output, why = run("truth_births", ["2000"], "bpftrace", lambda pid: ["bpftrace", "-e", script % pid])
        print(f"  {'bpftrace':<12} {len(re.findall(r'@seen', output)) if not why else 'does not run here: ' + why[:110]}")


def main():
    tools = {
        "offcputime": ("off-cpu", lambda pid: ["offcputime", "-p", str(pid), "60"], offcputime),
        "runqlat": ("runnable", lambda pid: ["runqlat", "-p", str(pid), "60", "1"], runqlat),
        "bpftrace": ("off-cpu", lambda pid: ["bpftrace", "-e", BPFTRACE % (pid, pid)], bpftrace),
    }
    for what, program, arguments, names, truth_of, reasons, kind, column in CASES:
        print(f"\n{what}")
        said, truth, why = [], [], ""
        for _ in range(REPEAT):
            lines, threads, why = fanlight(program, arguments)
            if why:
                break
            said.append(ours(threads, names, reasons))
            truth.append(truth_of(lines, names))
        row(what, "fanlight", said, truth, why)
        for tool, (claims, command, total) in tools.items():
            if claims != kind:
                continue
            if not shutil.which(tool):
                print(f"  {tool:<12} is not installed")
                continue
            said, truth, why = [], [], ""
            for _ in range(REPEAT):
                lines, output, why = run(program, arguments, tool, command)
                if why:
                    break
                said.append(total(output, names))
                truth.append(truth_of(lines, names))
            row(what, tool, said, truth, why)
        if not shutil.which("perf"):
            print("  perf sched   is not installed")
            continue
        said, truth, why = [], [], ""
        for _ in range(REPEAT):
            lines, value, why = perf_sched(program, arguments, names, column)
            if why:
                break
            said.append(value)
            truth.append(truth_of(lines, names))
        row(what, "perf sched", said, truth, why)
    births()


main()
