"""A run that has no Spark of its own: Python through Spark Connect, dbt through a Thrift server, both on loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_runs import ROOT, run
from test_run_on_spark import both

SECONDS_TO_START = 120


@pytest.fixture
def server(tmp_path: Path) -> Iterator[dict[str, int]]:
    """One Spark with both servers, its catalogue and warehouse in the test's folder; ended afterwards."""
    import pyspark

    home = Path(pyspark.__file__).parent
    ports = {"connect": free_port(), "thrift": free_port()}
    settings = {
        "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": ports["connect"],
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "2g",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": 4,
        "spark.sql.warehouse.dir": tmp_path / "server" / "warehouse",
        "spark.hadoop.javax.jdo.option.ConnectionURL": (
            f"jdbc:derby:;databaseName={tmp_path / 'server' / 'catalog'};create=true"
        ),
    }
    words = [str(home / "bin" / "spark-submit"), "--master", "local[2]"]
    words += ["--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"]
    words += [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    words += ["spark-internal", "--hiveconf", f"hive.server2.thrift.port={ports['thrift']}"]
    words += ["--hiveconf", "hive.server2.thrift.bind.host=127.0.0.1"]
    (tmp_path / "server").mkdir()
    environment = {"SPARK_HOME": str(home), "PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}
    with (tmp_path / "server" / "log").open("wb") as log:
        process = subprocess.Popen(
            words,
            cwd=tmp_path / "server",
            env=os.environ | environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        for port in ports.values():
            wait_for(port, process, tmp_path / "server" / "log")
        yield ports
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until somebody listens on the port."""
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    pytest.fail(f"the server did not start: {log.read_text(encoding='utf-8')[-2000:]}")


@pytest.mark.slow
def test_connect_and_thrift_make_the_same_marts(server, tmp_path):
    from corner import write_corner

    sides = both(
        tmp_path,
        write_corner(tmp_path / "corner"),
        connect=f"sc://127.0.0.1:{server['connect']}",
        dbt="thrift",
        thrift={"host": "127.0.0.1", "port": server["thrift"]},
    )
    ended = sides.run("r1")
    assert {engine: one.code for engine, one in ended.items()} == {"duckdb": 0, "spark": 0}, ended
    assert [str(one) for one in sides.comparisons() if not one.is_equal] == []
    again = run(sides.companies["spark"], sides.homes["spark"].path, run_id="r2")
    assert again.code == 0, again.text
    assert "Nothing was new" in again.text
