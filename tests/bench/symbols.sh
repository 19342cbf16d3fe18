#!/usr/bin/env bash
# Naming 20,000 addresses with their inlined functions in a binary with half a gigabyte of debug information, cold and
# from the cache, beside perf script on a recording of the same program.
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/common.sh"
me='scripts/bench symbols'

"$repo/scripts/build" bench_symbols_run
out=${FANLIGHT_BENCH_DIR:-$(mktemp -d)}
mkdir -p "$out"
[[ -n ${FANLIGHT_BENCH_DIR:-} ]] || trap 'rm -rf "$out"' EXIT

units=${FANLIGHT_BENCH_UNITS:-50}
functions=400

# One unit is compiled once; its functions get other names in each copy of the assembly, which is much faster.
if [[ ! -x $out/large ]]; then
  say 'symbols: generating the program'
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
  g++ -std=c++23 -O2 -g -fno-eliminate-unused-debug-types -S "$out/unit.cpp" -o "$out/unit.s"
  for ((u = 0; u < units; u++)); do
    sed "s/fn_UNIT_/fn_${u}_/g" "$out/unit.s" | as -o "$out/unit$u.o" -
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
  g++ -O2 "$out/main.cpp" "$out"/unit*.o -o "$out/large" -fuse-ld=mold -Wl,--build-id=sha1
  rm -f "$out"/unit*.o
fi
printf 'debug information: %s\n' "$(readelf -SW "$out/large" | awk '/ \.debug_/ { sub(/.*\.debug_/, ""); n += strtonum("0x" $5) } END { printf "%.0f MB", n / 1e6 }')"

"$build/bin/bench_symbols_run" "$out/large" 20000 "$out/cache"

if command -v perf >/dev/null; then
  perf record -q -e cpu-clock -F 5000 -o "$out/large.data" "$out/large" "${FANLIGHT_BENCH_ROUNDS:-150}" 2>/dev/null
  perf script -i "$out/large.data" -F ip 2>/dev/null | awk '{ print $1 }' | sort -u >"$out/addresses" || true
  say "symbols: perf script on $(wc -l <"$out/addresses") addresses"
  from=$(date +%s.%N)
  timeout 900 perf script -i "$out/large.data" -F ip,sym,srcline --inline >/dev/null 2>&1 || say 'perf script gave up, or took 15 minutes'
  printf 'perf script -F ip,sym,srcline: %.1f s\n' "$(awk -v a="$from" -v b="$(date +%s.%N)" 'BEGIN { print b - a }')"
  "$build/bin/bench_symbols_run" "$out/large" "$(wc -l <"$out/addresses")" ''
fi
