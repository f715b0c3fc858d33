"""Which functions SQL calls, and whether DuckDB and Spark both know them and mean the same by them."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import duckdb

SPARK_FUNCTIONS = Path(__file__).with_name("spark_functions.txt")

# Words that stand before a bracket and call nothing.
_KEYWORDS = frozenset(
    [
        "all",
        "and",
        "any",
        "as",
        "between",
        "by",
        "case",
        "cross",
        "decimal",
        "distinct",
        "else",
        "end",
        "except",
        "exists",
        "filter",
        "from",
        "full",
        "having",
        "in",
        "inner",
        "intersect",
        "interval",
        "into",
        "is",
        "join",
        "left",
        "like",
        "not",
        "on",
        "or",
        "order",
        "over",
        "partition",
        "right",
        "rows",
        "select",
        "set",
        "sets",
        "some",
        "then",
        "union",
        "using",
        "values",
        "varchar",
        "when",
        "where",
        "with",
        "within",
    ]
)

# What DuckDB's parser knows by itself and does not list among its functions.
_OF_DUCKDBS_PARSER = frozenset({"cast", "coalesce", "extract", "nullif", "overlay", "position", "trim", "try_cast"})

# In both engines' lists, and yet not the same.
DENIED = {
    "any_value": "takes any row: latest_of",
    "approx_count_distinct": "estimates in another way: count(distinct x)",
    "array_agg": "leaves nulls out on Spark only: joined_texts",
    "avg": "of decimals is a double on DuckDB and a rounded decimal on Spark: divide sums that are cast to double",
    "bin": "writes negative numbers in other ways",
    "ceiling": "write ceil",
    "chr": "Spark takes the number modulo 256",
    "concat": "skips nulls on DuckDB and is null with one on Spark: || or concat_ws",
    "contains": "searches lists on DuckDB: position",
    "current_date": "differs between two tables of a run: int_as_of",
    "date_add": "takes an interval on DuckDB and days on Spark: add_days",
    "date_diff": "has its arguments in another order: days_between",
    "date_part": "has other names for some parts: extract",
    "date_sub": "counts on DuckDB and subtracts on Spark: add_days",
    "date_trunc": "of a date is a timestamp on Spark: local_month",
    "datediff": "takes a unit on DuckDB: days_between",
    "datepart": "has other names for some parts: extract",
    "dayname": "is in full on DuckDB and short on Spark",
    "dayofweek": "counts from 0 on DuckDB and from 1 on Spark",
    "decode": "reads bytes on DuckDB and compares on Spark: case",
    "encode": "takes no character set on DuckDB",
    "filter": "is a function of lists; after an aggregate write case",
    "first": "depends on the order of rows: latest_of",
    "greatest": "of text and numbers compares in other types: case",
    "hash": "is another hash: md5_of",
    "hex": "writes numbers in other ways",
    "if": "write case",
    "kurtosis": "corrects for the sample on DuckDB only",
    "last": "depends on the order of rows: latest_of",
    "lcase": "follows other rules for some letters: lower_text",
    "least": "of text and numbers compares in other types: case",
    "left": "with a negative number leaves letters off on DuckDB and gives nothing on Spark: substr",
    "len": "counts bytes of binary values in other ways: length",
    "log": "is to base 10 on DuckDB and natural on Spark: ln or log10",
    "lower": "follows other rules for some letters: lower_text",
    "lpad": "may not leave out the text to fill with on DuckDB",
    "ltrim": "takes other blanks away: trimmed",
    "mean": "is avg: divide sums that are cast to double",
    "median": "of decimals has another type",
    "mode": "of several most frequent values takes another one",
    "monthname": "is in full on DuckDB and short on Spark",
    "now": "differs between two tables of a run: int_as_of",
    "printf": "has other formats",
    "quarter": "write extract",
    "random": "is different each time",
    "repeat": "of a negative number is an error on one engine",
    "reverse": "keeps letters with their accents on DuckDB only",
    "right": "with a negative number leaves letters off on DuckDB and gives nothing on Spark: substr",
    "round": "takes decimal digits on Spark and the binary product on DuckDB: rounded",
    "rpad": "may not leave out the text to fill with on DuckDB",
    "rtrim": "takes other blanks away: trimmed",
    "second": "write extract",
    "skewness": "corrects for the sample on DuckDB only",
    "split": "takes a text on DuckDB and a pattern on Spark: split_to_rows",
    "sqrt": "of a negative number is an error on one engine: power with 0.5",
    "substring": "write substr",
    "trim": "takes more kinds of blanks away on DuckDB: trimmed",
    "trunc": "cuts numbers on DuckDB and dates on Spark",
    "typeof": "has other names for types",
    "ucase": "follows other rules for some letters: capital_letters",
    "upper": "follows other rules for some letters: capital_letters",
    "user": "is not who runs the query on both",
    "uuid": "is different each time",
    "weekday": "counts from Sunday on DuckDB and from Monday on Spark",
    "weekofyear": "write extract",
}

# Calls that are the same for some arguments only: an example and what finds its kind.
DENIED_CALLS = {
    "substr(x, 0, 3)": (
        r"\bsubstr\s*\([^()]*,\s*(0|-\s*\d+)\s*[,)]",
        "counts places before the first, or from the end, in other ways",
    ),
    "a % b": (r"(?<![{%'\"])\s%\s(?![}%])", "of mixed types has other types: no model needs it"),
    "a div b": (r"\b\w+\s+div\s+\w+|(?<!:)//", "write cast(a as double) / b"),
}


@functools.cache
def duckdb_functions() -> frozenset[str]:
    """The functions of the installed DuckDB, by name."""
    with duckdb.connect() as con:
        rows = con.execute("SELECT DISTINCT function_name FROM duckdb_functions()").fetchall()
    return frozenset(str(name).lower() for (name,) in rows) | _OF_DUCKDBS_PARSER


@functools.cache
def spark_functions() -> frozenset[str]:
    """The functions of Spark, from the file that a test on Spark keeps true."""
    lines = SPARK_FUNCTIONS.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def called(sql: str) -> list[str]:
    """Names of the functions that SQL calls, in its order. What stands in quotes is text."""
    plain = re.sub(r"'(?:[^']|'')*'", "''", sql)
    names = (name.lower() for name in re.findall(r"(?<![\w.`\"])([A-Za-z_]\w*)\s*\(", plain))
    return [name for name in names if name not in _KEYWORDS]


def sql_of_template(text: str) -> list[str]:
    """The SQL in a dbt file: what stands outside Jinja, and the texts that Jinja hands to macros."""
    text = re.sub(r"\{#.*?#\}", " ", text, flags=re.DOTALL)
    jinja = r"\{%.*?%\}|\{\{.*?\}\}"
    outside = re.sub(r"--[^\n]*", " ", re.sub(jinja, " x ", text, flags=re.DOTALL))
    inside = [
        one or other
        for block in re.findall(jinja, text, flags=re.DOTALL)
        if "raise_compiler_error" not in block and "_hook" not in block
        for one, other in re.findall(r'"([^"]*)"|\'([^\']*)\'', block)
    ]
    return [outside, *inside]


def problems(sql: str) -> list[str]:
    """What of SQL does not run, or does not mean the same, on both engines; in words."""
    ours, theirs = duckdb_functions(), spark_functions()
    found = []
    for name in dict.fromkeys(called(sql)):
        if name in DENIED:
            found.append(f"{name}: {DENIED[name]}")
        elif name not in ours and name not in theirs:
            found.append(f"{name}: no engine knows it")
        elif name not in theirs:
            found.append(f"{name}: DuckDB only")
        elif name not in ours:
            found.append(f"{name}: Spark only")
    for example, (pattern, why) in DENIED_CALLS.items():
        if re.search(pattern, re.sub(r"'(?:[^']|'')*'", "''", sql), re.IGNORECASE):
            found.append(f"{example}: {why}")
    return found
