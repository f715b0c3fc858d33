"""Dagster's pages on one company: the same definitions, storage in the company's home."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from orchestration.company import COMPANY_VARIABLE
from orchestration.home import HOME_VARIABLE, Home


def serve(company_file: Path, home: Home, *, host: str = "127.0.0.1", port: int = 3000) -> int:
    """Run `dagster dev` until it is stopped, and return its exit code.

    Args:
        company_file: The company file whose sources, goals and thresholds the definitions take.
        home: The warehouse and Dagster's own storage.
        host: The address to listen on; only this machine unless another is given.
        port: The port of the pages.
    """
    from orchestration.pipeline import write_instance_settings

    home.create()
    write_instance_settings(home.dagster)
    environment = {
        **os.environ,
        COMPANY_VARIABLE: str(company_file.resolve()),
        HOME_VARIABLE: str(home.path),
        "DAGSTER_HOME": str(home.dagster),
    }
    command = [
        sys.executable,
        "-m",
        "dagster",
        "dev",
        "-m",
        "orchestration.definitions",
        "-h",
        host,
        "-p",
        str(port),
    ]
    return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 - our own command
