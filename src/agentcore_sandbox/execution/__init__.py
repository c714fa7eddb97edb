"""A program in a session: what is executed, how, and what comes out."""
