# shellcheck shell=sh
# Inside the guest: a busy writer, and one script after another as their numbers come in.
cd /
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ LC_ALL=C
/usr/sbin/python3 -I -S -B /guest/writer.py /guest/disks.json </dev/null >/dev/null 2>&1 &
echo up
while read -r number; do
  {
    setsid sh "/guest/scripts/$number" </dev/null \
      >"/guest/scripts/$number.out" 2>"/guest/scripts/$number.err"
    echo "$number $?"
  } &
done
