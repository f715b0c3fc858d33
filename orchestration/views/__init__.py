"""What the command line shows, as Rich renderables built from plain data. Nothing in here reads or writes."""
