"""The only package that knows Dagster: assets, checks, automation, resources and the command line."""
