"""What valid means: the rules, the verdicts on contact data, and the gate with its Great Expectations suites."""
