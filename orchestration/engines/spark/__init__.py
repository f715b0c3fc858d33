"""Everything that knows Spark on the side of orchestration; imported only where the company file asks for it."""
