#!/usr/bin/env bash
# foreign_test.sh BUILD SOURCE: installs what instruments programs, and builds a foreign project against it: the example of
# docs/instrument.md by find_package, a C program by pkg-config. Both run.
set -euo pipefail
build=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --component instrument --prefix "$work/tree" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
test ! -e "$work/tree/include/core" || { echo "headers of other rooms were installed"; exit 1; }

# The example is the one that people read.
mkdir "$work/foreign"
cp "$source"/tests/collector/inprocess/foreign/* "$work/foreign/"
sed -n '/^```cpp$/,/^```$/p' "$source/docs/instrument.md" | sed '/^```/d' >"$work/foreign/example.cpp"
test -s "$work/foreign/example.cpp" || { echo "docs/instrument.md has no example"; exit 1; }

cmake -G Ninja -S "$work/foreign" -B "$work/out" -DCMAKE_PREFIX_PATH="$work/tree" -DCMAKE_BUILD_TYPE=Release >"$work/log" 2>&1 &&
  cmake --build "$work/out" >>"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
"$work/out/foreign_example" | tee "$work/said"
grep -q '^orders 300$' "$work/said"

export PKG_CONFIG_PATH=$(dirname "$(find "$work/tree" -name fanlight.pc)")
# shellcheck disable=SC2046
cc -std=gnu11 -Wall -Wextra -Werror -O2 "$work/foreign/plain.c" -o "$work/plain" $(pkg-config --cflags --libs fanlight)
"$work/plain" | tee "$work/said"
grep -q '^labels of 6 bytes, trace begins with 0a$' "$work/said"
nm -D "$work/plain" | grep -q otel_thread_ctx_v1 || { echo "profilers would not find the labels"; exit 1; }
