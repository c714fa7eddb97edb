"""Templates that make what `setup` makes, for those who keep their account in code."""

SUBCOMMANDS = {"cloudformation": "as JSON, with the name as a parameter"}
