#!/usr/bin/env bash
# What one receiving thread of fanlight-load takes: deliveries per second of its CPU time, memory, time to connect.
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/common.sh"
me='scripts/bench load'

"$repo/scripts/build" fanlight-load bench_load_sender bench_load_floor

sender=''
stop_sender() {
  [[ -z $sender ]] || { kill "$sender" 2>/dev/null && wait "$sender" 2>/dev/null || true; }
  sender=''
}
words=$(mktemp)
report=$(mktemp)
trap 'stop_sender; rm -f "$words" "$report"' EXIT

# start_sender CORE BATCH PACE: its address in `url`.
start_sender() {
  : >"$words"
  taskset -c "$1" "$build/bin/bench_load_sender" 0 "$2" 128 "$3" 2>"$words" &
  sender=$!
  local tries
  for ((tries = 0; tries < 100; tries++)); do
    url=$(sed -n 's/^listening on //p' "$words")
    [[ -z $url ]] || return 0
    sleep 0.05
  done
  die "the sender did not start"
}

# measure TITLE SENDER-CORE BATCH PACE CONNECTIONS PROTOCOL
measure() {
  start_sender "$2" "$3" "$4"
  printf '%s: ' "$1"
  taskset -c 1 "$build/bin/fanlight-load" --url "$url" "--$6" "$5" --publish none --for 3s --warmup 1s --threads 1 \
    --connect-rate 0 --quiet --json "$report" >/dev/null 2>&1
  # Not from a pipe: its reader would start while connections are opened, and take the CPU that is measured.
  python3 -c '
import json, os, sys
with open(sys.argv[2]) as report:
    r = json.load(report)
t = r["total"]
name = sys.argv[1]
cpu = r["tester"]["threads"][0]["cpu_share"]
got = t["received"] + t["warmup_received"]
print(t["established"], "connections in %.0f ms," % (t["connecting_ns"] / 1e6),
      "%.0f B each at the end;" % (r["tester"]["bytes_per_connection"] or 0),
      "%.3g M deliveries/s, %.1f per read, %.2f of a core:" % (t["delivered_per_s"] / 1e6, got / max(1, t["reads"]), cpu),
      "%.3g M per second of CPU" % (t["delivered_per_s"] / 1e6 / max(cpu, 1e-9)),
      "" if t["gaps"] + t["malformed"] == 0 else "(%d gaps, %d malformed)" % (t["gaps"], t["malformed"]))
if os.environ.get("FANLIGHT_FIGURES"):
    with open(os.environ["FANLIGHT_FIGURES"], "a") as figures:
        for what, value, unit in (("connecting", t["connecting_ns"] / 1e6, "ms"),
                                  ("memory per connection", r["tester"]["bytes_per_connection"] or 0, "bytes"),
                                  ("delivered", t["delivered_per_s"], "deliveries/s"),
                                  ("delivered per CPU", t["delivered_per_s"] / max(cpu, 1e-9), "deliveries/CPU-s"),
                                  ("messages per read", got / max(1, t["reads"]), "messages")):
            figures.write("%s, %s\t%s\t%s\n" % (name, what, value, unit))' "$1" "$report"
  stop_sender
}

for way in level edge quickack lazyack busypoll nap sweep uring; do
  start_sender 1 1 100
  printf 'nothing but epoll and recv, 1 per send, both on one core, '
  taskset -c 1 "$build/bin/bench_load_floor" "${url##*:}" 1000 2 "$way"
  stop_sender
done
for way in level lazyack lowat sweep uring; do
  start_sender 1 8 100
  printf 'the same, 8 per send, both on one core, '
  taskset -c 1 "$build/bin/bench_load_floor" "${url##*:}" 1000 2 "$way"
  stop_sender
done
for way in open opennagle openwait openuring; do
  start_sender 0 0 0
  printf 'nothing but opening, the server on the other core, '
  taskset -c 1 "$build/bin/bench_load_floor" "${url##*:}" 10000 0 "$way" || true
  stop_sender
done
for protocol in sse ws; do
  for batch in 1 8 16 32; do
    measure "$protocol, $batch per send, sender on its own core" 0 "$batch" 0 1000 "$protocol"
    measure "$protocol, $batch per send, both on one core" 1 "$batch" 100 1000 "$protocol"
  done
  measure "$protocol, connecting only" 0 0 0 10000 "$protocol"
  measure "$protocol, 15,000 in one process, a message a second each" 0 1 1 15000 "$protocol"
done
