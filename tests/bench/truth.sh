#!/usr/bin/env bash
# How far each profiler is from the truth, on programs whose time is known by their own clocks.
. "$(dirname "$0")/../../scripts/common.sh"

usage() {
  cat <<'TEXT'
usage: scripts/bench truth [-- --repeat N]
  Runs the truth programs under Fanlight, libbpf-tools' offcputime and runqlat, bpftrace and perf sched, one at a time,
  and prints what each says beside what the program's own clock says, with the error. A tool that does not run here is
  named with its own words. Needs root.
TEXT
}

repeat=3
while (($#)); do
  case $1 in
    --repeat) repeat=${2:-}; shift ;;
    -h | --help) usage; exit 0 ;;
    *) misused "unknown option: $1" ;;
  esac
  shift
done
[[ $repeat =~ ^[1-9][0-9]*$ ]] || misused "--repeat takes a number"

"$repo/scripts/build" fanlight_cli truth_states truth_switches truth_births truth_locks
exec python3 "$repo/tests/bench/truth_peers.py" "$build" "$repeat"
