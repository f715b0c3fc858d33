"""The list of Spark's functions that tests without Spark go by."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "definitions"))

from portable_sql import spark_functions


def test_the_file_is_what_the_installed_spark_knows(spark):
    known = {row[0] for row in spark.sql("SHOW SYSTEM FUNCTIONS").collect()}
    known = {name for name in known if name.isidentifier() and name.islower()}
    assert len(known) > 400
    # A newer Spark may know more; what the file claims must be there.
    assert sorted(spark_functions() - known) == []
    assert sorted(known - spark_functions()) == []
