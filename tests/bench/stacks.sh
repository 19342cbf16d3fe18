#!/usr/bin/env bash
# Whole stacks of a program without frame pointers: how many samples reach a function of its own, and what that costs.
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/common.sh"
. "$(dirname "${BASH_SOURCE[0]}")/figures.sh"
me='scripts/bench stacks'

usage() {
  cat <<'TEXT'
usage: scripts/bench stacks [-- --seconds N --hz N]
  Runs a program that was built -O2 -fomit-frame-pointer under Fanlight, perf by frame pointers, perf by copied stacks
  (DWARF), bpftrace and offcputime, as far as they are installed (linux-perf, bpftrace, libbpf-tools), one after the
  other, and prints a table: samples, the share that reaches a function of the program or main, the work that the program
  got done beside a run without any profiler, CPU time of the profiler itself, bytes written. Needs root.
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

[[ $seconds =~ ^[1-9][0-9]{0,3}$ ]] || misused "--seconds takes a number from 1 to 9999, not '$seconds'"
[[ $hz =~ ^[1-9][0-9]{0,4}$ ]] || misused "--hz takes a number from 1 to 99999, not '$hz'"
[[ $EUID -eq 0 ]] || die "attaching needs root" "sudo scripts/bench stacks"
PATH=$PATH:/usr/sbin

"$repo/scripts/build" unwind_target fanlight_cli
out=$(mktemp -d)
pid=''
profiler=''
# Background jobs do not see Ctrl-C. The profiler runs within a shell that takes its time.
cleanup() {
  local each
  for each in $pid $profiler; do
    # shellcheck disable=SC2046
    kill $(cat "/proc/$each/task/$each/children" 2>/dev/null) "$each" 2>/dev/null || true
  done
  rm -rf "$out"
}
trap cleanup EXIT
target=$build/tests/collector/unwind/unwind_target
own='mixed_work|in_sleep|in_condition_variable|in_poll|in_vector_of_calls|main'

# run NAME PROFILER...: the program for `seconds`, the profiler beside it with PID for its number. Leaves the rounds of
# work in $rounds and the profiler's CPU seconds in $cpu.
run() {
  local name=$1 fifo=$out/gate.$1
  shift
  mkfifo "$fifo"
  "$target" "$seconds" <"$fifo" >"$out/$name.target" 2>&1 &
  pid=$!
  exec 9>"$fifo"
  while ! grep -q ready "$out/$name.target"; do
    kill -0 "$pid" 2>/dev/null || die "the program did not start: $(tail -n 1 "$out/$name.target")"
    sleep 0.05
  done
  cpu=0
  if (($#)); then
    { TIMEFORMAT='%U %S'; time "${@//PID/$pid}" >"$out/$name.log" 2>"$out/$name.err" </dev/null; } 2>"$out/$name.time" &
    profiler=$!
    sleep 1.5
  fi
  echo go >&9
  exec 9>&-
  wait "$pid"
  pid=''
  if (($#)); then
    wait "$profiler" || true
    profiler=''
    # The shell's own words about a profiler that was ended come before.
    cpu=$(awk 'END { printf "%.2f", $1 + $2 }' "$out/$name.time")
  fi
  rounds=$(awk '/rounds/ { print $2 }' "$out/$name.target")
}

row() { printf '  %-28s %12s %9s %12s %8s %10s\n' "$@"; }
# result TITLE SAMPLES WHOLE FILE: a row of the table, and its figures.
result() {
  local title=$1 samples=$2 whole=$3 file=$4 beside
  if [[ ! -s $file || $samples == 0 || $samples == 0.0s ]]; then
    row "$title" "does not run here: $({ grep -hvm1 '^ *$' "${file%.*}.err" "$file" 2>/dev/null || true; } | head -n 1 | cut -c1-90)"
    return 0
  fi
  beside=$(work)
  row "$title" "$samples" "$whole" "$beside" "${cpu}s" "$(size "$file")"
  figure "$title, whole stacks" "$whole" %
  figure "$title, target's work beside none" "$beside" x
  figure "$title, own CPU" "$cpu" s
  figure "$title, written" "$(stat -c %s "$file")" bytes
}
# missing TITLE PACKAGE
missing() { row "$1" "not installed: apt-get install $2"; }
share() { awk -v own="$own" '$0 ~ own { reach += $NF } { all += $NF } END { printf "%.1fs %.1f", all / 1e9, all ? 100 * reach / all : 0 }'; }
# perf script: stacks are paragraphs; one sample each.
perf_share() { { perf script -i "$1" -F ip,sym 2>/dev/null || true; } | awk -v own="$own" -v RS= '$0 ~ own { reach++ } END { printf "%d %.1f", NR, NR ? 100 * reach / NR : 0 }'; }
work() { awk -v rounds="$rounds" -v base="$base" 'BEGIN { printf "%.3f", rounds / base }'; }
size() { stat -c %s "$1" | numfmt --to=iec; }

run alone
base=$rounds
row profiler samples/time "whole, %" "target work" "own CPU" written
length=$((seconds + 1))

run fanlight "$build/bin/fanlight" record --pid PID --hz "$hz" --for "${length}s" -o "$out/fanlight.recording"
for view in oncpu offcpu; do
  read -r samples whole <<<"$("$build/bin/fanlight" export "$out/fanlight.recording" --view $view --format folded -o - 2>/dev/null | share)"
  result "fanlight, $view (time)" "$samples" "$whole" "$out/fanlight.recording"
done
if command -v perf >/dev/null; then
  for kind in fp dwarf; do
    run "perf-$kind" perf record -q -e cpu-clock -F "$hz" --call-graph $kind -p PID -o "$out/perf-$kind.data" sleep "$length"
    read -r samples whole <<<"$(perf_share "$out/perf-$kind.data")"
    result "perf --call-graph $kind" "$samples" "$whole" "$out/perf-$kind.data"
  done
else
  missing "perf --call-graph fp, dwarf" linux-perf
fi
if command -v bpftrace >/dev/null; then
  run bpftrace timeout "$length" bpftrace -e "profile:hz:$hz /pid == PID/ { @[ustack] = count(); }"
  read -r samples whole <<<"$(awk -v own="$own" -v RS='@\\[' 'NR > 1 { n = $0; sub(/.*\]: /, "", n); all += n; if ($0 ~ own) reach += n } END { printf "%d %.1f", all, all ? 100 * reach / all : 0 }' "$out/bpftrace.log")"
  result "bpftrace profile (ustack)" "$samples" "$whole" "$out/bpftrace.log"
else
  missing "bpftrace profile (ustack)" bpftrace
fi
if command -v offcputime >/dev/null; then
  run offcputime offcputime -p PID "$length"
  read -r samples whole <<<"$(awk -v own="$own" -v RS= '{ n = $NF; all += n; if ($0 ~ own) reach += n } END { printf "%d %.1f", all, all ? 100 * reach / all : 0 }' "$out/offcputime.log")"
  result "offcputime (us)" "$samples" "$whole" "$out/offcputime.log"
else
  missing "offcputime (us)" libbpf-tools
fi
