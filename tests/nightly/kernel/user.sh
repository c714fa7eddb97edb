#!/bin/sh
# A user with a service manager of their own, in the folder they may write to: memory is limited by the kernel all the same.
export XDG_RUNTIME_DIR="$PWD" HOME="$PWD" TMPDIR="$PWD" PYTHONPATH="$SCRATCH/packages"
export DBUS_SESSION_BUS_ADDRESS="unix:path=$PWD/bus"
until_there() {
    for _ in $(seq 300); do
        [ -e "$1" ] && return
        sleep 0.1
    done
}
dbus-daemon --session --address="$DBUS_SESSION_BUS_ADDRESS" --nofork --nopidfile &
until_there bus
/lib/systemd/systemd --user --log-level=warning &
until_there systemd/private
/usr/bin/python3 - <<'SCRIPT'
import pathlib, threading
from agentcore_emulator import sandbox, tools
from agentcore_emulator.limits import Limits
from agentcore_emulator.resources.cgroups import Groups
from agentcore_emulator.resources.watchdog import Watchdog

watchdog = Watchdog(Groups.find())
assert watchdog.holds(Limits())["memoryBytes"]["heldBy"] == "cgroup"
pathlib.Path("session").mkdir(mode=0o700)
config = sandbox.SandboxConfig(pathlib.Path("session").resolve(), limits=Limits(memory_bytes=200 << 20), watchdog=watchdog)
made = sandbox.Sandbox(config)
made.start()
hold = "python3 -c 'import time; held = bytearray(80 << 20); time.sleep(1000)' &"
answer = tools.invoke(made, "executeCommand", {"command": f"{hold} {hold} {hold} wait -n; echo $?"}, threading.Event())
print(answer["structuredContent"])
assert answer["structuredContent"]["stdout"] == "137\r\n"
assert "The session used more than its 200 MiB of memory" in answer["structuredContent"]["stderr"]
made.close()
watchdog.close()
SCRIPT
