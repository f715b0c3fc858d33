"""Dagster assets: one per step, each a thin wrapper around a function of `orchestration.steps`."""

WAREHOUSE_POOL = "warehouse"  # limit 1 in the instance's settings: one writer at a time
