"""Builds, checks and publishes what people install. Not shipped."""
