# Takes the plugin's options from the hooks, which Claude Code tells them, to the launcher, which it does not. Its own
# way, $CLAUDE_ENV_FILE, is not read on Windows (anthropics/claude-code#27987), and after a resume the oldest is.
# A file a session, of a line an option, in the folder where the interpreter is remembered; see python.sh.

# Sets $session.
find_session() {
    session=${CLAUDE_CODE_SESSION_ID:-}
    case $session in
        '' | *[!A-Za-z0-9_-]*) return 1 ;;
    esac
}

# For a hook: keeps what the user has chosen, in place of what was kept before.
keep_options() {
    find_cache
    find_temporary
    find_session || return
    if [ -z "${CLAUDE_PLUGIN_OPTION_INTERPRETER_ID:-}${CLAUDE_PLUGIN_OPTION_PROFILE:-}${CLAUDE_PLUGIN_OPTION_REGION:-}" ]; then
        command -p rm -f "$cache/options/$session" "$temporary/options/$session"
        return
    fi
    keep_options_in "$cache" && return
    # What was kept there once must not be read any longer.
    [ ! -e "$cache/options/$session" ] && keep_options_in "$temporary"
}

keep_options_in() {
    (
        umask 077
        command -p mkdir -p "$1/options" && is_private "$1" || exit
        for value in "${CLAUDE_PLUGIN_OPTION_INTERPRETER_ID:-}" "${CLAUDE_PLUGIN_OPTION_PROFILE:-}" \
            "${CLAUDE_PLUGIN_OPTION_REGION:-}"; do
            case $value in
                *[[:cntrl:]]*) value= ;;
            esac
            printf '%s\n' "$value"
        done >"$1/options/$session.$$" && command -p mv -f "$1/options/$session.$$" "$1/options/$session" || exit
        command -p find "$1/options" -type f -mtime +14 -exec rm -f {} +
    ) 2>/dev/null
}

# For a hook: keeps the id of the prompt that $event is about, for the command line's history. It may fail.
keep_prompt() {
    find_session || return
    find_cache
    prompt=${event#*\"prompt_id\":}
    prompt=${prompt#\ }
    prompt=${prompt#\"}
    prompt=${prompt%%\"*}
    case $prompt in
        '' | *[!A-Za-z0-9_-]*) return 1 ;;
    esac
    (
        umask 077
        command -p mkdir -p "$cache/prompts" && is_private "$cache" || exit
        printf '%s\n' "$prompt" >"$cache/prompts/$session.$$" &&
            command -p mv -f "$cache/prompts/$session.$$" "$cache/prompts/$session" || exit
        command -p find "$cache/prompts" -type f -mtime +14 -exec rm -f {} +
    ) 2>/dev/null
}

# Sets the variables of the command line that the user has not set to what was kept.
recall_options() {
    find_session || return
    find_cache
    recall_options_from "$cache" && return
    find_temporary && recall_options_from "$temporary"
}

recall_options_from() {
    [ -f "$1/options/$session" ] && is_private "$1" || return
    { read -r interpreter && read -r profile && read -r region; } <"$1/options/$session" || return
    export CUSTOM_AGENTCORE_INTERPRETER_ID="${CUSTOM_AGENTCORE_INTERPRETER_ID:-$interpreter}"
    export CUSTOM_AGENTCORE_AWS_PROFILE="${CUSTOM_AGENTCORE_AWS_PROFILE:-$profile}"
    export CUSTOM_AGENTCORE_AWS_REGION="${CUSTOM_AGENTCORE_AWS_REGION:-$region}"
}
