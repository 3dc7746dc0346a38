# What diskguard runs in a guest: lay its helper under /run, ask it one thing, leave.
# POSIX sh. Values come base64 in here-documents; nothing of ours is put into a command line.
LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
umask 077
run=/run/diskguard
verb=arm
sentinel=$(base64 -d <<'DISKGUARD_SENTINEL'
DISKGUARD_SENTINEL
)

refuse() {
  printf 'diskguard %s refused %s\n' "$sentinel" "$1"
  exit 0
}

mkdir -p "$run" 2>/dev/null
place=$(mktemp -d "$run/said.XXXXXX" 2>/dev/null) || refuse run-not-writable
trap 'rm -rf "$place"' EXIT
trap 'exit 1' HUP INT TERM

base64 -d 2>/dev/null >"$place/request.json" <<'DISKGUARD_REQUEST' || refuse script-damaged
DISKGUARD_REQUEST
base64 -d 2>/dev/null >"$place/helper.pyz" <<'DISKGUARD_HELPER' || refuse script-damaged
DISKGUARD_HELPER

python=
for candidate in python3 /usr/libexec/platform-python; do
  if "$candidate" -I -S -B -c 'import sys; sys.exit(sys.version_info < (3, 6))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
[ -n "$python" ] || refuse no-python

"$python" -I -S -B "$place/helper.pyz" "$verb" "$place" >"$place/answer" 2>/dev/null </dev/null ||
  refuse helper-failed
cat "$place/answer"
