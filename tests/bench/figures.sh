# shellcheck shell=bash
# What a benchmark of several programs found, for programs: sourced by those in this directory.

# figure NAME VALUE UNIT: a row of the file that `scripts/bench NAME --json FILE` makes; nothing without --json.
figure() {
  [[ -n ${FANLIGHT_FIGURES:-} ]] || return 0
  printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$FANLIGHT_FIGURES"
}
