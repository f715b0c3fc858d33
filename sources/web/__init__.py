"""Trackers of web sites and apps."""
