# shellcheck shell=sh
# The first process of a plain guest, in user, mount, process, network, IPC and UTS namespaces of its own.
# Its root is built from the machine's programs, read-only, and from the guest's own folder:
# /run, /disks and /guest. Then: a number on standard input runs /guest/scripts/NUMBER, and its number
# and exit code are said on standard output. End of input is the end of the machine.
# Arguments: the guest's folder, the Python to use, the folder that Python lives in.
set -e
PATH=$PATH:/usr/sbin:/sbin # of no ordinary user, and pivot_root lives there
folder=$1 python=$2 prefix=$3
root=$folder/root

show() { # a folder or link of the machine, read-only where it is a folder
  if [ -L "$1" ]; then
    mkdir -p "$root${1%/*}"
    cp -P "$1" "$root$1"
  elif [ -d "$1" ]; then
    mkdir -p "$root$1"
    mount --rbind "$1" "$root$1"
    mount -o remount,bind,ro,nosuid,nodev "$root$1"
  fi
}

mount --make-rprivate /
mount -t tmpfs -o mode=755,size=1m guest "$root"
mkdir "$root/usr" "$root/usr/sbin" "$root/etc" "$root/dev" "$root/proc" "$root/tmp" "$root/run" \
  "$root/disks" "$root/guest" "$root/old"
for each in /usr/*; do
  [ "$each" = /usr/sbin ] || show "$each"
done
for each in /bin /sbin /lib /lib32 /lib64 /libx32 /nix; do show "$each"; done
case $prefix in /usr | /usr/*) ;; *) show "$prefix" ;; esac
ln -s "$python" "$root/usr/sbin/python3"
if [ -e /etc/ld.so.cache ]; then cp /etc/ld.so.cache "$root/etc/"; fi
for each in null zero full random urandom; do
  : >"$root/dev/$each"
  mount --bind "/dev/$each" "$root/dev/$each"
done
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t tmpfs -o mode=1777,size=64m tmp "$root/tmp"
mount --bind "$folder/run" "$root/run"
mount --bind "$folder/disks" "$root/disks"
mount --bind "$folder/machine" "$root/guest"
cd "$root"
pivot_root . old
umount -n -l /old # or this guest would pin every file system that happened to be mounted
mount -n -o remount,bind,ro /
cd /
exec sh /guest/serve.sh
