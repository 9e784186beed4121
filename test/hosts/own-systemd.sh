#!/bin/sh
# own-systemd.sh FOLDER PROJECT NODE: boots a systemd of its own, which knows the units in FOLDER/files/units and starts
# what multi-user.target wants. It reaches no process, mount or control group of this machine; the network is this
# machine's. To be run in a mount namespace of its own, as root.
set -eu
folder=$1
here=$(dirname "$0")

mkdir -p "$folder/groups"
mount -t cgroup2 none "$folder/groups"
group=$folder/groups/sluice-test-$$
mkdir "$group"
echo 0 >"$group/cgroup.procs"

# Whoever kills this script ends the systemd too.
setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --cgroup --uts --ipc --propagation private \
  "$here/own-root.sh" "$@" sh -eu -c '
    mount -t cgroup2 none /sys/fs/cgroup
    mkfifo /dev/kmsg
    cat /dev/kmsg &
    exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin container=other \
      SYSTEMD_UNIT_PATH=/units SYSTEMD_GENERATOR_PATH=/none SYSTEMD_ENVIRONMENT_GENERATOR_PATH=/none \
      /lib/systemd/systemd --system --unit=multi-user.target --log-target=kmsg --show-status=0
  ' &
booted=$!
trap 'kill -KILL "$booted"' TERM
wait "$booted" || :
wait "$booted" || :
echo 0 >"$folder/groups/cgroup.procs"
until find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; do sleep 0.1; done
