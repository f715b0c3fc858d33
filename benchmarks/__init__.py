"""What is measured, against what, and the last results. Run with `make bench`."""
