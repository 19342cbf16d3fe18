#!/usr/bin/env bash
# Naming 20,000 addresses with their inlined functions in a binary with half a gigabyte of debug information, cold and
# from the cache, beside perf script on a recording of the same program.
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/common.sh"
. "$(dirname "${BASH_SOURCE[0]}")/figures.sh"
me='scripts/bench symbols'

usage() {
  cat <<'TEXT'
usage: scripts/bench symbols [-- --dir DIR] [--generate] [--units N] [--patience N]
  Generates a program with half a gigabyte of DWARF (minutes, 2 GB of disk), names 20,000 of its addresses with source
  lines and inlined functions, cold and from the cache; then records it with perf, and lets perf script do the same with
  the addresses of that recording, and ours with the same ones.
  --dir DIR     keep the program there, and use one that was kept (default: a temporary directory)
  --generate    only that
  --units N     compilation units, of some 10 MB of DWARF each (default 50)
  --patience N  seconds after which perf script is ended; what it did by then is the bound that is printed (default 120)
TEXT
}

dir=''
generate_only=false
units=50
patience=120
while (($#)); do
  case $1 in
    --dir) dir=${2:-}; shift ;;
    --generate) generate_only=true ;;
    --units) units=${2:-}; shift ;;
    --patience) patience=${2:-}; shift ;;
    -h | --help) usage; exit 0 ;;
    *) misused "unknown option: $1" ;;
  esac
  shift
done
[[ $units =~ ^[1-9][0-9]{0,3}$ ]] || misused "--units takes a number from 1 to 9999, not '$units'"
[[ $patience =~ ^[1-9][0-9]{0,4}$ ]] || misused "--patience takes seconds, not '$patience'"
functions=400
out=$dir
if [[ -z $out ]]; then
  out=$(mktemp -d)
  trap 'rm -rf "$out"' EXIT
fi
mkdir -p "$out"

# One unit is compiled once; its functions get other names in each copy of the object, which is much faster.
generate() {
  say 'symbols: generating the program'
  local u i
  {
    echo '#include <bits/stdc++.h>'
    echo 'extern volatile int sink;'
    for ((i = 0; i < functions; i++)); do
      cat <<TEXT
extern "C" int fn_UNIT_$i(int x) {
  std::vector<int> v(static_cast<std::size_t>(x & 7) + 1, $i);
  std::sort(v.begin(), v.end(), [](int a, int b) { return a * $((i + 1)) < b; });
  std::string s = std::to_string(x + $i);
  for (int i = 0; i < 50; i++) sink = sink + v[0] + static_cast<int>(s.size());
  return v[0] + static_cast<int>(std::accumulate(s.begin(), s.end(), 0));
}
TEXT
    done
  } >"$out/unit.cpp"
  g++ -std=c++23 -O2 -g -fno-eliminate-unused-debug-types -c "$out/unit.cpp" -o "$out/unit.o"
  for ((u = 0; u < units; u++)); do
    for ((i = 0; i < functions; i++)); do echo "fn_UNIT_$i fn_${u}_$i"; done >"$out/names"
    objcopy --redefine-syms="$out/names" "$out/unit.o" "$out/unit$u.o"
  done
  {
    echo '#include <cstdlib>'
    echo 'volatile int sink;'
    for ((u = 0; u < units; u++)); do for ((i = 0; i < functions; i++)); do echo "extern \"C\" int fn_${u}_$i(int);"; done; done
    echo 'int (*const all[])(int) = {'
    for ((u = 0; u < units; u++)); do for ((i = 0; i < functions; i++)); do echo "fn_${u}_$i,"; done; done
    echo '};'
    echo 'int main(int, char** argv) { for (int round = std::atoi(argv[1]); round > 0; --round) for (auto* fn : all) sink = sink + fn(round); }'
  } >"$out/main.cpp"
  g++ -O2 -no-pie "$out/main.cpp" "$out"/unit*.o -o "$out/large.new" -fuse-ld=mold -Wl,--build-id=sha1
  rm -f "$out"/unit*.o "$out/names"
  mv "$out/large.new" "$out/large"
}
[[ -x $out/large ]] || generate
megabytes=$(size -A -d "$out/large" | awk '$1 ~ /^\.debug_/ { n += $2 } END { printf "%.0f", n / 1e6 }')
printf 'debug information: %s MB\n' "$megabytes"
figure "debug information" "$megabytes" MB
if $generate_only; then exit 0; fi

"$repo/scripts/build" bench_symbols_run
"$build/bin/bench_symbols_run" "$out/large" 20000 "$out/cache"

if ! command -v perf >/dev/null; then
  say 'symbols: perf is not installed (apt-get install linux-perf), nothing to compare with'
  exit 0
fi
if [[ ! -s $out/large.data ]] && ! perf record -q -e cpu-clock -F 20000 -o "$out/large.data" "$out/large" 300 >"$out/perf.log" 2>&1; then
  rm -f "$out/large.data"
  say "symbols: perf does not run here, nothing to compare with: $(tail -n 1 "$out/perf.log")"
  exit 0
fi
perf script -i "$out/large.data" -F ip 2>/dev/null | awk '{ print $1 }' | sort -u >"$out/addresses"
say "symbols: perf script on $(wc -l <"$out/addresses") addresses of $(perf script -i "$out/large.data" -F ip 2>/dev/null | wc -l) samples"
from=$(date +%s.%N)
finished=yes
timeout "$patience" perf script -i "$out/large.data" -F ip,sym,srcline --inline >"$out/perf.out" 2>/dev/null || finished=no
took=$(awk -v a="$from" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }')
lines=$(grep -c '^ *[0-9a-f]* ' "$out/perf.out" || true)
[[ $finished == yes ]] && bound='' || bound=" and then ended, after $lines samples"
printf 'perf script -F ip,sym,srcline --inline: %s s%s\n' "$took" "$bound"
figure "perf script with inlined functions and lines, $([[ $finished == yes ]] && echo to its end || echo ended early)" "$took" s
figure "perf script, samples named" "$lines" samples
"$build/bin/bench_symbols_run" "$out/large" "@$out/addresses" ''
