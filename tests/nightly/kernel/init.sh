#!/bin/sh
# The first process of a User-Mode Linux on this machine's own file system: mounts what a kernel has, runs the tests of
# limits with cgroup v2, as root and as a user with a service manager, and ends.
# PYTHON, ROOT and SCRATCH come as variables of the kernel's command line.
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/root SANDBOX_MUST_WORK=1 TMPDIR="$SCRATCH"
groups=/sys/fs/cgroup
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mount -t cgroup2 cgroup2 "$groups"
ip link set lo up
cd "$ROOT" || exit
"$PYTHON" -m pytest -q -p no:cacheprovider --basetemp="$SCRATCH/tests" tests/emulator/resources/test_resources.py -k cgroup &&
    echo passed >"$SCRATCH/root"

# What systemd sets up for a user who logs in: a delegated group, and a bus.
mkdir -p /run/systemd/system /run/user "$groups/user/login"
echo "+memory" >"$groups/cgroup.subtree_control"
echo "+memory" >"$groups/user/cgroup.subtree_control"
chown -R www-data "$groups/user" /run/user
chmod 700 /run/user
echo $$ >"$groups/user/login/cgroup.procs"
cd /run/user && setpriv --reuid=www-data --regid=www-data --clear-groups sh "$ROOT/tests/nightly/kernel/user.sh" &&
    echo passed >"$SCRATCH/unprivileged"
echo o >/proc/sysrq-trigger
sleep 60
