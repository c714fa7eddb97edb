"""The guard of the plugin's skills: while such a skill's prompt is current, Claude may run `agentcore-sandbox` only.

Claude Code starts it as a hook, for every shell command while a skill runs. So it is a few small modules over the
standard library, started without `site`, and imports neither `re`, `typing`, `dataclasses` nor `pathlib`: a call costs
less than two bare interpreter starts. It ships in the plugin's `hooks` folder, not in the zipapp, which starts slower.

    hook -> bash_calls -> scanner
    hook -> guarded_prompts, settings

It fails closed. What the scanner does not know is refused; what goes wrong here is a refusal; and where Python itself
fails, `hooks/guard` answers in its place.
"""
