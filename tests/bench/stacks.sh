#!/usr/bin/env bash
# Whole stacks of a program without frame pointers: how many samples reach a function of its own, and what that costs.
. "$(dirname "$0")/../../scripts/common.sh"

usage() {
  cat <<'TEXT'
usage: scripts/bench stacks [-- --seconds N --hz N]
  Runs a program that was built -O2 -fomit-frame-pointer under Fanlight, perf by frame pointers, perf by copied stacks
  (DWARF), bpftrace and offcputime, as far as they are installed, one after the other, and prints a table: samples,
  the share that reaches a function of the program or main, the work that the program got done beside a run without any
  profiler, CPU time of the profiler itself, bytes written. Needs root.
TEXT
}

seconds=10
hz=499
while (($#)); do
  case $1 in
    --seconds) seconds=${2:-}; shift ;;
    --hz) hz=${2:-}; shift ;;
    -h | --help) usage; exit 0 ;;
    *) misused "unknown option: $1" ;;
  esac
  shift
done

"$repo/scripts/build" unwind_target fanlight_cli
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
target=$build/tests/collector/unwind/unwind_target
own='mixed_work|in_sleep|in_condition_variable|in_poll|in_vector_of_calls|main'

# run NAME PROFILER...: the program for `seconds`, the profiler beside it with PID for its number. Leaves the rounds of
# work in $rounds and the profiler's CPU seconds in $cpu.
run() {
  local name=$1 pid fifo=$out/gate.$1
  shift
  mkfifo "$fifo"
  "$target" "$seconds" <"$fifo" >"$out/$name.target" 2>&1 &
  pid=$!
  exec 9>"$fifo"
  while ! grep -q ready "$out/$name.target"; do sleep 0.05; done
  cpu=0
  if (($#)); then
    { TIMEFORMAT='%U %S'; time "${@//PID/$pid}" >"$out/$name.log" 2>"$out/$name.err" </dev/null; } 2>"$out/$name.time" &
    local profiler=$!
    sleep 1.5
  fi
  echo go >&9
  exec 9>&-
  wait "$pid"
  if (($#)); then
    wait "$profiler" || true
    cpu=$(awk '{ printf "%.2f", $1 + $2 }' "$out/$name.time")
  fi
  rounds=$(awk '/rounds/ { print $2 }' "$out/$name.target")
}

row() { printf '  %-28s %8s %9s %12s %8s %10s\n' "$@"; }
share() { awk -v own="$own" '$0 ~ own { reach += $NF } { all += $NF } END { printf "%.1fs %.1f", all / 1e9, all ? 100 * reach / all : 0 }'; }
# perf script: stacks are paragraphs; one sample each.
perf_share() { perf script -i "$1" -F ip,sym 2>/dev/null | awk -v own="$own" -v RS= '$0 ~ own { reach++ } END { printf "%d %.1f", NR, NR ? 100 * reach / NR : 0 }'; }
work() { awk -v rounds="$rounds" -v base="$base" 'BEGIN { printf "%.3f", rounds / base }'; }
size() { stat -c %s "$1" | numfmt --to=iec; }

run alone
base=$rounds
row profiler samples/time "whole, %" "target work" "own CPU" written
length=$((seconds + 1))

run fanlight "$build/bin/fanlight" record --pid PID --hz "$hz" --for "${length}s" -o "$out/run.fanlight"
for view in oncpu offcpu; do
  read -r samples whole <<<"$("$build/bin/fanlight" export "$out/run.fanlight" --view $view --format folded -o - 2>/dev/null | share)"
  row "fanlight, $view (time)" "$samples" "$whole" "$(work)" "${cpu}s" "$(size "$out/run.fanlight")"
done
if command -v perf >/dev/null; then
  for kind in fp dwarf; do
    run "perf-$kind" perf record -q -e cpu-clock -F "$hz" --call-graph $kind -p PID -o "$out/$kind.data" sleep "$length"
    read -r samples whole <<<"$(perf_share "$out/$kind.data")"
    row "perf --call-graph $kind" "$samples" "$whole" "$(work)" "${cpu}s" "$(size "$out/$kind.data")"
  done
fi
if command -v bpftrace >/dev/null; then
  run bpftrace timeout "$length" bpftrace -e "profile:hz:$hz /pid == PID/ { @[ustack] = count(); }"
  read -r samples whole <<<"$(awk -v own="$own" -v RS='@\\[' 'NR > 1 { n = $0; sub(/.*\]: /, "", n); all += n; if ($0 ~ own) reach += n } END { printf "%d %.1f", all, all ? 100 * reach / all : 0 }' "$out/bpftrace.log")"
  row "bpftrace profile (ustack)" "$samples" "$whole" "$(work)" "${cpu}s" "$(size "$out/bpftrace.log")"
fi
offcputime=$(command -v offcputime || command -v /usr/sbin/offcputime || true)
if [[ -n $offcputime ]]; then
  run offcputime "$offcputime" -p PID "$length"
  read -r samples whole <<<"$(awk -v own="$own" -v RS= '{ n = $NF; all += n; if ($0 ~ own) reach += n } END { printf "%d %.1f", all, all ? 100 * reach / all : 0 }' "$out/offcputime.log")"
  row "offcputime (us)" "$samples" "$whole" "$(work)" "${cpu}s" "$(size "$out/offcputime.log")"
fi
