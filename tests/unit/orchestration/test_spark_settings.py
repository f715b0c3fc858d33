"""What can be said of the Spark engine without Spark: its settings, its addresses, its storage, its published file."""

from __future__ import annotations

import socket
from pathlib import Path

import duckdb
import fsspec
import pytest
import yaml

from orchestration.company import CompanyError, load_company
from orchestration.company_warehouse import SparkSettings
from orchestration.engines import engine_of
from orchestration.engines.base import EngineError
from orchestration.engines.spark import session
from orchestration.engines.spark.location import Location
from orchestration.engines.spark.sql import identifier, literal
from orchestration.home import Home
from orchestration.published import open_published

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def company(tmp_path):
    """Writes the demo company's file with another `warehouse` and loads it."""

    def load(warehouse: object):
        data = yaml.safe_load((ROOT / "company.yaml").read_text(encoding="utf-8"))
        data["warehouse"] = warehouse
        file = tmp_path / "company.yaml"
        file.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
        return load_company(file)

    return load


def test_duckdb_is_the_default_and_needs_nothing(company):
    settings = company({}).warehouse
    assert (settings.engine, settings.memory_limit, settings.threads) == ("duckdb", "3GB", 2)
    assert engine_of(company({}), Home(Path("home"))).name == "duckdb"


def test_one_word_chooses_spark(company):
    chosen = company({"engine": "spark"})
    assert engine_of(chosen, Home(Path("home"))).name == "spark"
    assert chosen.warehouse.spark.table_format == "parquet"


@pytest.mark.parametrize(
    ("spark", "key", "allowed"),
    [
        ({"master": "hadoop"}, "master", "local[2]"),
        ({"connect": "http://head:15002"}, "connect", "sc://HOST:15002"),
        ({"master": "yarn", "connect": "sc://head:15002"}, "spark", "either `master` or `connect`"),
        ({"connect": "sc://head:15002"}, "spark", "`dbt: thrift` beside `connect`"),
        ({"dbt": "thrift"}, "spark", "`thrift` with at least its `host`"),
        ({"dbt": "odbc"}, "dbt", "session"),
        ({"table_format": "orc"}, "table_format", "parquet"),
        ({"buckets": 0}, "buckets", "1"),
        ({"conf": {"hive.exec": "1"}}, "conf", "start with `spark.`"),
        ({"storage": "s3://x"}, "storage", "location"),
    ],
)
def test_what_is_wrong_is_named_with_its_key(company, spark, key, allowed):
    with pytest.raises(CompanyError) as caught:
        company({"engine": "spark", "spark": spark})
    [problem] = caught.value.problems
    assert key in problem.key
    assert allowed in problem.allowed
    assert problem.line is not None


def test_secrets_come_from_the_environment_only(company):
    with pytest.raises(CompanyError) as caught:
        company({"engine": "spark", "spark": {"conf": {"spark.hadoop.fs.s3a.secret.key": "hush-hush-hush"}}})
    assert "hush" not in str(caught.value.problems)
    filled = company({"engine": "spark", "spark": {"conf": {"spark.hadoop.fs.s3a.secret.key": "${ENV:KEY}"}}})
    assert filled.spark_for_use({"KEY": "hush"}).conf == {"spark.hadoop.fs.s3a.secret.key": "hush"}
    assert "hush" not in repr(filled.warehouse)


def test_conf_takes_what_yaml_makes_of_numbers_and_truths():
    settings = SparkSettings.model_validate({"conf": {"spark.sql.shuffle.partitions": 8, "spark.ui.enabled": True}})
    assert settings.conf == {"spark.sql.shuffle.partitions": "8", "spark.ui.enabled": "true"}


@pytest.mark.parametrize(
    ("said", "java"), [("3GB", "3072m"), ("512MB", "512m"), ("1.5 GiB", "1536m"), ("1TB", "1048576m")]
)
def test_sizes_as_java_writes_them(said, java):
    assert session._java_size(said) == java


def test_a_share_of_the_machine_is_a_size():
    whole, half = session._java_size("100%"), session._java_size("50%")
    assert int(half[:-1]) == int(whole[:-1]) // 2


def test_what_the_company_says_wins(tmp_path):
    settings = SparkSettings.model_validate({"conf": {"spark.driver.memory": "9g"}})
    made = session._configuration(settings, "local[2]", tmp_path, "file:///w", "3GB")
    assert made["spark.driver.memory"] == "9g"
    assert made["spark.sql.session.timeZone"] == "UTC"
    on_cluster = session._configuration(SparkSettings(), "yarn", tmp_path, "hdfs://w", "3GB")
    assert "spark.driver.memory" not in on_cluster
    assert not any("derby" in value for value in on_cluster.values())


def test_an_address_that_answers_is_enough():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        session._require_answer(f"spark://127.0.0.1:9,127.0.0.1:{port}")
        session._require_answer(f"sc://127.0.0.1:{port}/;token=hush")
    with pytest.raises(EngineError, match=r"Nobody answers at sc://127.0.0.1:\d+ .*warehouse.spark.connect") as caught:
        session._require_answer(f"sc://127.0.0.1:{port}/;token=hush")
    assert "hush" not in str(caught.value)


def test_java_that_is_missing_is_told_before_anything_starts(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(EngineError, match=r"there is none on this machine\. Install Java 17"):
        session._require_java("local[2]")
    session._require_java("sc://head:15002")  # a Connect server has its own
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(EngineError, match="JAVA_HOME"):
        session._require_java("local[2]")


def test_locations_have_two_names(tmp_path):
    local = Location("store", tmp_path)
    assert local.path("raw") == str(tmp_path / "store" / "raw")
    assert local.url("raw") == (tmp_path / "store" / "raw").as_uri()
    assert Location(f"file://{tmp_path}/store", tmp_path).text == local.text
    remote = Location("s3://bucket/regulars/", tmp_path)
    assert (remote.path("raw"), remote.url("raw")) == ("s3://bucket/regulars/raw", "s3a://bucket/regulars/raw")
    assert Location("hdfs://name/x", tmp_path).url("raw") == "hdfs://name/x/raw"


def test_folders_of_a_location(tmp_path):
    local = Location("store", tmp_path)
    assert local.folders("kept") == []
    local.make("kept/one")
    local.make("kept/two")
    (tmp_path / "store" / "kept" / "file").write_text("no folder", encoding="utf-8")
    assert local.folders("kept") == ["kept/one", "kept/two"]
    local.remove("kept/one")
    assert local.folders("kept") == ["kept/two"]
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(EngineError, match=r"cannot be written.*warehouse\.spark\.location"):
        Location("taken", tmp_path).make("raw")


def test_quoting_for_spark():
    assert identifier("raw_shop", "a`b") == "`raw_shop`.`a``b`"
    assert literal("O'Brien \\ Co") == "'O\\'Brien \\\\ Co'"


def test_a_published_file_reads_its_snapshot_from_remote_storage(tmp_path):
    """The views of the file name a URL; our own commands reach it without an extension of DuckDB."""
    con = duckdb.connect()
    con.execute(f"COPY (SELECT 'r1' AS run_id, TIMESTAMP '2026-01-01' AS published_at) TO '{tmp_path}/p.parquet'")
    fsspec.filesystem("memory").put(str(tmp_path / "p.parquet"), "/regulars-test/publication.parquet")
    con.register_filesystem(fsspec.filesystem("memory"))
    con.execute(f"ATTACH '{tmp_path}/published.duckdb' AS new")
    con.execute("CREATE SCHEMA new.marts")
    con.execute(
        "CREATE VIEW new.marts.publication AS SELECT * FROM read_parquet('memory://regulars-test/publication.parquet')"
    )
    con.close()
    with open_published(tmp_path / "published.duckdb") as published:
        assert published.publication()[0] == "r1"
