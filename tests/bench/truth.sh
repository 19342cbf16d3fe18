#!/usr/bin/env bash
# How far each profiler is from the truth, on programs whose time is known by their own clocks.
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/common.sh"
me='scripts/bench truth'

usage() {
  cat <<'TEXT'
usage: scripts/bench truth [-- --repeat N]
  Runs the truth programs under Fanlight, libbpf-tools' offcputime and runqlat, bpftrace and perf sched, one at a time,
  and prints what each says beside what the program's own clock says, with the error. A tool that does not run here is
  named with its own words, one that is not installed as such (bpftrace, libbpf-tools, linux-perf). Needs root.
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
[[ $repeat =~ ^[1-9][0-9]*$ ]] || misused "--repeat takes a number, not '$repeat'"
[[ $EUID -eq 0 ]] || die "attaching needs root" "sudo scripts/bench truth"

"$repo/scripts/build" fanlight_cli truth_states truth_switches truth_births truth_locks
# bpftrace needs tracefs, which perf mounts by itself: here for both, and for nobody else.
peers=(python3 -B "$repo/tests/bench/truth_peers.py" "$build" "$repeat")
export PATH=$PATH:/usr/sbin
unshare --mount true 2>/dev/null || exec "${peers[@]}"
# shellcheck disable=SC2016
exec unshare --mount sh -c 'mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null; exec "$@"' sh "${peers[@]}"
