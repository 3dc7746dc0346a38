# shellcheck shell=sh
# The first process of a Linux guest, in mount, process, cgroup, IPC and UTS namespaces of its own, as root.
# Its root is a file system on a loop device, with the guest's own files in it; nothing of the machine's
# own file systems stays visible, so nothing of them can be frozen from inside.
# Arguments: an empty folder, the table of mounts (device, path, options), the names of its disks under
# /dev/disk/azure (link, device), and how to begin: systemd or nothing.
set -e
root=$1 mounts=$2 links=$3 init=$4
mount --make-rprivate /
while read -r device path options; do
  mkdir -p "$root$path"
  mount -o "$options" "$device" "$root$path"
done <"$mounts"
cd "$root"
mkdir -p dev proc sys run tmp old
mount -t proc -o nosuid,nodev,noexec proc proc
mount --rbind /sys sys
umount -R -l sys/fs/cgroup
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 run run
mount -t tmpfs -o mode=1777 tmp tmp
mount -t tmpfs -o mode=755 dev dev
while read -r name major minor; do
  mknod -m 666 "dev/$name" c "$major" "$minor"
done <<'NODES'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
NODES
mkdir -p dev/pts dev/shm dev/disk/azure/scsi1
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
while read -r link device; do
  cp -a "$device" dev/
  ln -s "$device" "dev/disk/azure/$link"
done <"$links"
pivot_root . old
umount -l /old
if [ "$init" = systemd ]; then
  exec env -i container=diskguard PATH=/usr/sbin:/usr/bin /lib/systemd/systemd --unit=multi-user.target
fi
exec env -i PATH=/usr/sbin:/usr/bin python3 -c '
import os, signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
with open("/proc/self/comm", "w") as name:
    name.write("sleep-on")
while True:
    signal.pause()
'
