"""The engines a company may choose: DuckDB, embedded in the home, or Spark, for those who outgrow one machine."""
