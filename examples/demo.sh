#!/bin/sh
# The whole road on an emulated Azure: validate, simulate, plan, back up, copy to the paired region, list, show the
# proof, say how old the newest points are, as a table and as a page to look at.
# Needs diskguard and diskguard-emulator on the PATH (`make demo` sees to that), and no privileges.
#   DEMO_ESTATE   another estate than examples/estate.yaml
#   DEMO_POLICY   another policy than examples/demo.yaml
#   DEMO_FOLDER   where everything is kept, emptied first; .demo unless given
# Ends with 0 only if every point reached what was asked and its copies are complete.
set -eu

cd "$(dirname "$0")/.."
estate=${DEMO_ESTATE:-examples/estate.yaml}
policy=${DEMO_POLICY:-examples/demo.yaml}
folder=${DEMO_FOLDER:-.demo}
state=$folder/emulator

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$(printf '\033[1m') plain=$(printf '\033[0m')
fi

say() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }

run() {
  printf '$ %s\n' "$*"
  "$@"
}

fail() {
  printf 'demo: %s\n' "$*" >&2
  exit 1
}

stop_emulator() { diskguard-emulator stop --state-dir "$state"; }

# Every restore point on a line, for machines: 1 point, 2 vm, 3 taken at, 4 state, 5 consistency, 6 primary, 7 dr, 8 disks.
points() { diskguard list "$policy" --output tsv; }

if grep -q 'guest: plain' "$estate" && ! unshare --user --map-root-user --mount true 2>/dev/null; then
  fail "this machine gives you no user namespaces, and without them the emulated guests run nothing; try as root"
fi

mkdir -p "$folder"
if [ -d "$state" ]; then
  stop_emulator 2>/dev/null || true
  rm -rf "$state"
fi

say "An emulated Azure with the estate of $estate"
trap stop_emulator EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
run diskguard-emulator start --estate "$estate" --state-dir "$state" --background
exports=$(diskguard-emulator env --state-dir "$state")
eval "$exports"
DISKGUARD_LOCK_DIR=$folder
export DISKGUARD_LOCK_DIR

say "Is the policy valid? Offline, nothing is asked of Azure"
run diskguard validate "$policy"

say "What will a year of its schedule and retention come to? Reckoned offline; each location in a line"
printf '$ diskguard simulate %s --to 365d\n' "$policy"
simulated=$(diskguard simulate "$policy" --to 365d)
printf '%s\n' "$simulated" | sed '/^$/,$d'

say "What would a backup do now? Only reads"
run diskguard plan "$policy"

say "Back up: freeze, flush, snapshot, thaw, prove, seal, copy. The first freeze of a VM is agreed half a minute ahead"
run diskguard backup "$policy"

say "The restore points, in both regions"
run diskguard list "$policy"

say "One of them, with the proof of its consistency and its copies"
best=$(points | awk -F '\t' '$5 == "filesystem" && $8 > most { most = $8; best = $1 " " $2 } END { print best }')
[ -n "$best" ] || fail "no restore point is consistent at the file-system level"
point=${best% *} vm=${best#* }
run diskguard show "$point" --policy "$policy"

say "Once more for $vm: diskguard has learned how long it takes, so it stands still for less"
run diskguard backup "$policy" --vm "$vm" --no-copy

say "How old is the newest restorable point of each, in both regions, against what the policy promises?"
run diskguard status "$policy" --html "$folder/status.html"
printf 'To look at: %s\n' "$folder/status.html"

say "Is all as it should be?"
expected=$(diskguard plan "$policy" --output tsv | awk 'END { print NR + 1 }')
points | awk -F '\t' -v expected="$expected" '
  $4 != "complete" || $6 != "complete" { print "not whole: " $0; bad = 1 }
  $7 == "complete" { copied++ }
  $5 ~ /asked/ { print "less than was asked for: " $0; bad = 1 }
  $5 == "filesystem" { frozen++ }
  END {
    if (NR != expected) { print NR " restore points instead of " expected; bad = 1 }
    if (copied != expected - 1) { print "only " copied + 0 " points are copied"; bad = 1 }
    if (frozen < 2) { print "only " frozen + 0 " points are consistent at the file-system level"; bad = 1 }
    if (bad) exit 1
    print NR " restore points, each what was asked for; " copied " of them whole in both regions, one on purpose not copied."
  }' || fail "that is not as it should be"
