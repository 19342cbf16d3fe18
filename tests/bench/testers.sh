#!/usr/bin/env bash
# What wrk, hey and fanlight-load say of the same event streams, and what they leave behind on the server.
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/common.sh"
. "$(dirname "${BASH_SOURCE[0]}")/figures.sh"
me='scripts/bench testers'

for peer in wrk hey python3; do
  command -v "$peer" >/dev/null || die "$peer is not installed" "scripts/setup installs it"
done
"$repo/scripts/build" fanlight-load

out=$(mktemp -d)
server=''
cleanup() {
  [[ -z $server ]] || kill "$server" 2>/dev/null || true
  rm -rf "$out"
}
trap cleanup EXIT

# start_server: a fresh one for each tester, so that nobody inherits another's sockets; its address in `url`.
start_server() {
  [[ -z $server ]] || { kill "$server" && wait "$server" 2>/dev/null || true; }
  : >"$out/server"
  python3 "$repo/tests/bench/testers_server.py" 0 >"$out/server" &
  server=$!
  local tries
  for ((tries = 0; tries < 100; tries++)); do
    url=$(sed -n 's/^listening on //p' "$out/server")
    [[ -z $url ]] || return 0
    sleep 0.05
  done
  die "the server did not start"
}

# left_behind: what the server knows of the tester that has just ended.
left_behind() {
  local counts
  sleep 0.6 # until the next event has met every socket
  counts=$(python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1] + "/counts").read().decode())' "$url")
  printf '    on the server: %s\n' "$counts"
  local what
  for what in opened finished reset_by_client most_in_close_wait; do
    figure "$kind streams, $tester, $what" "$(sed -n "s/.*\"$what\": \([0-9]*\).*/\1/p" <<<"$counts")" streams
  done
}

# try NAME COMMAND...: shows the lines of its report that count.
try() {
  local name=$1 status=0
  tester=$1
  shift
  printf '  %s\n' "$name: $*"
  "$@" >"$out/report" 2>&1 || status=$?
  grep -vE '^$|^Running|^tester:|^latency:|^Response time histogram|■|^Latency distribution|^Details|^ +[0-9]+% in|^  DNS|^  req |^  resp |^published' \
    "$out/report" | head -20 | sed 's/^/    | /'
  printf '    exit status %d\n' "$status"
  figure "$kind streams, $tester, exit status" "$status" ''
}

for kind in endless finite; do
  printf '%s streams, five connections, five seconds\n' "$kind"
  start_server
  try wrk wrk -t1 -c5 -d5s "$url/$kind"
  left_behind
  start_server
  try hey hey -c 5 -n 5 -t 5 "$url/$kind"
  left_behind
  start_server
  try fanlight-load "$build/bin/fanlight-load" --sse 5 --sse-url "$url/$kind" --publish none --for 5s --warmup 0s --quiet
  left_behind
done
