# Finds a Python 3.10 or newer, for the launcher and the guard, which source this file and have a `fail CODE MESSAGE`.
# Start here: `find_python`. Plain POSIX sh, and no program but ls is started on the warm path.

# Takes what lies in the project off PATH: what the sandbox has left there must not be started by its name. A home folder
# is no project.
leave_out_the_project() {
    PATH=$(
        home= project= here= kept=
        # No subshell for each: to start one takes half a millisecond.
        cd -P . 2>/dev/null && here=$PWD
        cd -P "${HOME:-/}" 2>/dev/null && home=$PWD
        cd -P "$here" 2>/dev/null
        cd -P "${CLAUDE_PROJECT_DIR:-.}" 2>/dev/null && project=$PWD
        IFS=:
        set -f
        for folder in $PATH; do
            case $folder in
                /*) cd -P "$folder" 2>/dev/null || continue ;;
                *) continue ;;
            esac
            for root in "$project" "$here"; do
                case $PWD/ in
                    "$root"/*) [ "$root" = "$home" ] || continue 2 ;;
                esac
            done
            kept=$kept${kept:+:}$folder
        done
        printf '%s' "$kept"
    )
}

# Sets $system to what `uname -sm` prints. Linux 6.1 and newer have it in files, for which no program need be started.
find_system() {
    { IFS= read -r system </proc/sys/kernel/ostype && IFS= read -r machine </proc/sys/kernel/arch &&
        system="$system $machine"; } 2>/dev/null || system=$(uname -sm 2>/dev/null)
}

# Sets $python.
find_python() {
    recall_python && return
    search || fail NoPython "Python 3.10 or newer is needed and ${old:-no Python} was found; install one from \
https://www.python.org/downloads/, or uv, or set AGENTCORE_SANDBOX_PYTHON to its path"
    remember "$cache" || remember "$temporary"
}

# Sets $python where no search is needed: by a variable, or as it was found before.
recall_python() {
    if [ -n "${AGENTCORE_SANDBOX_PYTHON:-}" ]; then
        python=$(command -v "$AGENTCORE_SANDBOX_PYTHON") ||
            fail NoPython "AGENTCORE_SANDBOX_PYTHON is set to $AGENTCORE_SANDBOX_PYTHON, which is not a program"
        return
    fi
    find_cache
    recall "$cache" && return
    find_temporary
    # Otherwise what lies in there is none of ours: a command in a sandbox may have put it there.
    ! can_be_written "$cache" && recall "$temporary"
}

can_be_written() {
    [ -d "$1" ] || (umask 077 && mkdir -p "$1") 2>/dev/null
    is_private "$1" && [ -w "$1" ]
}

# Set $cache, and $temporary for where that cannot be written: folders in which the zipapp keeps its unpacked copy too.
find_cache() {
    cache=${XDG_CACHE_HOME:-${HOME:-}/.cache}/agentcore-sandbox
}

find_temporary() {
    temporary=${TMPDIR:-/tmp}/agentcore-sandbox-$(id -u 2>/dev/null)
}

# The interpreter that was found before, with the same PATH.
recall() {
    is_private "$1" && [ -f "$1/python" ] || return
    { IFS= read -r path && IFS= read -r python; } <"$1/python"
    [ "$path" = "$PATH" ] && [ -x "$python" ]
}

remember() {
    (
        umask 077
        mkdir -p "$1" && is_private "$1" || exit
        printf '%s\n' "$PATH" "$python" >"$1/python.$$" && mv -f "$1/python.$$" "$1/python"
    ) 2>/dev/null
}

# Whether it is a folder of our own that nobody else can write to, and not the cache of a user without a home. The
# zipapp asks the same of it, see folder_privacy.py. `command -p` does not look for ls in the caller's PATH.
is_private() {
    case $1 in
        /.cache/*) return 1 ;;
        /*) [ -O "$1" ] && [ ! -L "$1" ] || return ;;
        *) return 1 ;;
    esac
    case $(command -p ls -ld "$1") in
        d????-??-*) ;;
        *) return 1 ;;
    esac
}

search() {
    [ -n "${system:-}" ] || find_system
    case $system in
        MINGW* | MSYS* | CYGWIN*) probe py -3 && return ;;
    esac
    for name in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do
        found=$(command -v "$name") || continue
        case $found in
            # Microsoft's stub: it opens the Store, or hangs.
            */WindowsApps/*) continue ;;
            # Apple's stub: without the developer tools it opens a dialogue.
            /usr/bin/python3) [ "${system%% *}" = Darwin ] && ! xcode-select -p >/dev/null 2>&1 && continue ;;
        esac
        probe "$found" && return
    done
    probe py -3 || probe uv run --no-project --quiet --python "${UV_PYTHON:->=3.10}" python
}

# Starts a candidate once. Asks for its real path: a shim (pyenv, asdf, uv) costs more than Python itself.
probe() {
    command -v "$1" >/dev/null || return
    answer=$("$@" -I -c '
import os, sys
new = sys.version_info >= (3, 10)
os.write(1, os.fsencode(sys.executable) if new else b"old %d.%d" % sys.version_info[:2])
' 2>/dev/null </dev/null) || return
    case $answer in
        'old '*) old="only Python ${answer#old } ($1)" ;;
        ?*)
            python=$answer
            return
            ;;
    esac
    return 1
}
