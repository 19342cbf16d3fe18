#!/usr/bin/env bash
# What profilers cost the broadcaster, one beside the other: see usage. broadcaster.py does the work.
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/common.sh"
me='scripts/bench broadcaster'

usage() {
  cat <<'TEXT'
usage: scripts/bench broadcaster [-- --tool NAME --rounds N --seconds N --subscribers N --full-rate N]
  Runs the broadcaster with one worker under its load tester: at full load for the server's CPU time per million
  deliveries, at half of it for the time to deliver (p99). Each profiler is on in every other run (off, on, off, ..), and a
  run with it is compared with the mean of its two neighbours. Prints the geometric mean of these ratios and its 95 %
  interval. Needs root, and what it compares with: perf, bpftrace, libbpf-tools; what is missing is left out, in words.
  --tool NAME    nothing (the spread of the machine), fanlight (all default probes, 99 Hz), fanlight-budget (the same with
                 --budget 1%), perf (record -F 99 -g), offcputime, runqlat, bpftrace (stacks at 99 Hz); repeatable;
                 default: all
  --rounds N     runs with the profiler (default 4)
  --seconds N    each (default 3)
TEXT
}

for option in "$@"; do
  case $option in -h | --help) usage; exit 0 ;; esac
done
[[ $EUID -eq 0 ]] || die "attaching needs root" "sudo scripts/bench broadcaster"
"$repo/scripts/build" fanlight_cli fanlight-server fanlight-load
PATH=$PATH:/usr/sbin exec python3 -B "$repo/tests/bench/broadcaster.py" --build "$build" "$@"
