#!/bin/sh
# The first process of a User-Mode Linux on this machine's own file system: mounts what a kernel has, runs the tests of
# limits with cgroup v2, and ends. PYTHON, ROOT and SCRATCH come as variables of the kernel's command line.
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/root SANDBOX_MUST_WORK=1 TMPDIR="$SCRATCH"
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up
cd "$ROOT" && "$PYTHON" -m pytest -q -p no:cacheprovider --basetemp="$SCRATCH/tests" tests/local/test_resources.py -k cgroup
echo $? >"$SCRATCH/status"
echo o >/proc/sysrq-trigger
sleep 60
