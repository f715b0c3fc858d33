"""The semantic layer: metrics as dbt's manifest declares them, their SQL, and the KPI dictionary made of them."""
