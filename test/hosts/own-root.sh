#!/bin/sh
# own-root.sh FOLDER PROJECT NODE COMMAND...: runs COMMAND in a root of its own: this machine's, with FOLDER/files laid
# over it, whose changes are thrown away. To be run in a mount namespace and a process namespace of its own, as root.
#
# In there are /opt/checkout (PROJECT) and /opt/node (the folder NODE), read-only, and /report (FOLDER/report).
set -eu
folder=$1 project=$2 node=$3
shift 3

# Seen from outside, since this /proc is still the outer one.
read -r pid _ </proc/self/stat
echo "$pid" >"$folder/pid"

mkdir -p "$folder/own" "$folder/report"
mount -t tmpfs none "$folder/own"
cd "$folder/own"
mkdir upper work root
mount -t overlay none -o "lowerdir=/,upperdir=upper,workdir=work" root
cd root
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs sys sys
for place in run tmp dev; do mount -t tmpfs -o mode=755 none "$place"; done
chmod 1777 tmp
mkdir -m 1777 dev/shm
mkdir dev/pts
for device in null zero full random urandom tty; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mount -t devpts none dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd

mkdir -p opt/checkout opt/node report outside
mount --bind "$project" opt/checkout
mount -o remount,bind,ro opt/checkout
mount --bind "$node" opt/node
mount -o remount,bind,ro opt/node
mount --bind "$folder/report" report
cp -R "$folder/files/." .

pivot_root . outside
cd /
umount -l /outside
mount --make-rshared /
exec "$@"
