#!/bin/sh
# relocate.sh BPFTOOL OBJECT KERNEL.btf...: fails when the object does not relocate against one of the kernels' types.
bpftool=$1
object=$2
shift 2
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
failed=0
for kernel in "$@"; do
  if "$bpftool" gen min_core_btf "$kernel" "$out" "$object"; then
    echo "$(basename "$kernel"): relocates"
  else
    echo "$(basename "$kernel"): does not relocate"
    failed=1
  fi
done
exit $failed
