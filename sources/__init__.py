"""Channels in: every package here brings one kind of source into the raw layer and runs on its own."""
