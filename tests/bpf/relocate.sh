#!/usr/bin/env bash
# relocate.sh BPFTOOL OBJECT LEAST OPTIONAL KERNEL.btf...: fails when a program reads a field that one of these kernels does not
# have, unless OPTIONAL lists it: "KERNEL-VERSION|SECTION|FIELD|REASON", each a pattern of grep -E but for the reason.
# bpftool alone does not fail then: libbpf puts an invalid instruction where the field is read, so that programs which ask
# first may be loaded. It says so among its debug messages, and those are read here; fewer than LEAST of them are a sign
# that they have other words now.
set -Eeuo pipefail

bpftool=$1
object=$2
least=$3
optional=$4
shift 4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# "SECTION FIELD" of each relocation that found nothing. What only asks whether something is there may find nothing.
# Source: libbpf, relo_core.c, bpf_core_calc_relo_insn and bpf_core_format_spec.
unresolved() {
  awk '
    /prog \047[^\047]+\047: relo #[0-9]+: / {
      program = $0; sub(/.*prog \047/, "", program); sub(/\047: relo.*/, "", program)
      relocation = $0; sub(/.*relo #/, "", relocation); sub(/:.*/, "", relocation)
      what = $0; sub(/.*relo #[0-9]+: /, "", what)
      if (what ~ /^</) last[program "#" relocation] = what
      if (what !~ /^no matching targets found/) next
      what = last[program "#" relocation]
      if (what ~ /^<(field_exists|type_exists|enumval_exists)>/) next
      sub(/^<[a-z_]+> \[[0-9]+\] /, "", what); sub(/ \(.*/, "", what); sub(/^struct /, "", what)
      print program, what
    }' "$1" | sort -u
}

failed=0
for kernel in "$@"; do
  version=$(basename "$kernel" .btf)
  # Also when it succeeds the messages tell whether it looked at anything.
  if ! "$bpftool" -d gen min_core_btf "$kernel" "$work/out" "$object" >"$work/words" 2>&1; then
    echo "$version: does not relocate: $(grep -v '^libbpf: ' "$work/words" | tail -1)"
    failed=1
    continue
  fi
  looked=$(grep -c 'relo #[0-9]*: <' "$work/words" || true)
  if ((looked < least)); then
    echo "$version: only $looked relocations were found among the messages of bpftool; this test does not understand them"
    failed=1
    continue
  fi
  missing=0 excused=0
  while read -r program what; do
    [[ -n $program ]] || continue
    reason=
    while IFS='|' read -r versions programs fields because; do
      [[ $versions != \#* && -n $versions ]] || continue
      if grep -qxE "$versions" <<<"$version" && grep -qxE "$programs" <<<"$program" && grep -qxE "$fields" <<<"$what"; then
        reason=$because
        break
      fi
    done <"$optional"
    if [[ -n $reason ]]; then
      excused=$((excused + 1))
    else
      echo "$version: $program reads $what, which this kernel does not have"
      missing=1
    fi
  done < <(unresolved "$work/words")
  if ((missing)); then failed=1; else echo "$version: $looked relocations, $excused optional fields missing"; fi
done
exit $failed
