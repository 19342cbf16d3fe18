# shellcheck shell=bash
# What the scripts share: words on stderr, privilege, children. Sourced; sets `repo`, `build`, `me`.
set -Eeuo pipefail
shopt -s inherit_errexit

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck disable=SC2034  # for those who source this
build=${FANLIGHT_BUILD_DIR:-$repo/build/release}
me=scripts/$(basename "$0")
SECONDS=0

say() { printf '%s\n' "$*" >&2; }

# die MESSAGE [HINT]: one clear line, a hint, exit 1.
die() {
  say "$me: $1"
  if [[ -n ${2:-} ]]; then say "hint: $2"; fi
  exit 1
}

# misused MESSAGE [HINT]: exit 2, as the programs do.
misused() {
  say "$me: $1"
  say "hint: ${2:-$me --help}"
  exit 2
}

# Scripts of ours have said why they failed.
failed_at() { [[ $3 == *'$repo/scripts/'* ]] || say "$me: line $2: \`$3\` failed ($1)"; }
trap 'failed_at $? $LINENO "$BASH_COMMAND"' ERR

# Ctrl-C reaches every script that runs; the one that was called says so, those within it end in silence.
caller=${FANLIGHT_CALLER:-}
export FANLIGHT_CALLER=${FANLIGHT_CALLER:-$me}
ended() {
  trap '' INT TERM
  trap - ERR
  [[ -n $caller ]] || say "$me: interrupted"
  exit "$1"
}
trap 'ended 130' INT
trap 'ended 143' TERM

step_number=0
step_count=0
# step TEXT: numbered, with the time since the start.
step() {
  step_number=$((step_number + 1))
  printf '[%d/%d %d:%02d] %s\n' "$step_number" "$step_count" $((SECONDS / 60)) $((SECONDS % 60)) "$*" >&2
}

# Under sudo, the user who called it owns the build and the results; only installing and attaching are done as root.
caller_uid=$EUID
caller_gid=$(id -g)
caller_home=${HOME:-/}
if [[ $EUID -eq 0 && -n ${SUDO_UID:-} && ${SUDO_UID:-0} -ne 0 ]]; then
  caller_uid=$SUDO_UID
  caller_gid=${SUDO_GID:-$SUDO_UID}
  caller_home=$(getent passwd "$caller_uid" | cut -d: -f6)
fi

# as_caller COMMAND...: replaced by exec in a subshell or a background job, so its pid is the command's own.
as_caller() {
  if [[ $caller_uid -eq $EUID ]]; then
    "$@"
  else
    setpriv --reuid "$caller_uid" --regid "$caller_gid" --init-groups -- env "HOME=$caller_home" "$@"
  fi
}

# can_be_root: true for root, and where sudo asks nobody or can ask somebody.
can_be_root() {
  [[ $EUID -eq 0 ]] && return 0
  command -v sudo >/dev/null || return 1
  sudo -n true 2>/dev/null || [[ -t 0 ]]
}

as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  else
    sudo "$@"
  fi
}

# own PATH...: what root wrote there becomes the caller's.
own() {
  [[ $EUID -eq 0 && $caller_uid -ne 0 ]] || return 0
  find "$@" -user root -exec chown -h "$caller_uid:$caller_gid" {} +
}

# A line about now and then, instead of a thousand: stdin is what a tool prints, lines that match $1 are its progress.
thin_progress() {
  local pattern=$1 line shown=-20
  while IFS= read -r line; do
    if [[ $line =~ $pattern ]]; then
      ((SECONDS - shown >= 20)) || continue
      shown=$SECONDS
    fi
    printf '    %s\n' "$line" >&2
  done
}
