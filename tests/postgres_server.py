"""A real PostgreSQL server for tests: from the system's packages, in a folder of its own, on a socket of its own.

PostgreSQL refuses to run as root; then the server runs as `postgres` or `nobody`. Where there is no server a test is
skipped with that reason, unless `REGULARS_REQUIRE_POSTGRES` is set: then it fails.
"""

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

REQUIRED = "REGULARS_REQUIRE_POSTGRES"
BIN = "REGULARS_POSTGRES_BIN"
HOW_TO_GET_ONE = (
    "no PostgreSQL server was found. Install it (Debian, Ubuntu: apt-get install postgresql; macOS: "
    f"brew install postgresql), or name the folder of `initdb` and `postgres`: export {BIN}=/path/to/bin"
)
SUPERUSER = "postgres"
_PORT = 54321  # names the socket's file only: the server listens on no network address
_SECONDS_TO_START = 60


def find_binaries() -> Path | None:
    """The folder that has both `initdb` and `postgres`, the newest version first; None where there is none."""
    named = os.environ.get(BIN)
    if named:
        return Path(named) if _is_complete(Path(named)) else None
    packaged = [
        *Path("/usr/lib/postgresql").glob("*/bin"),
        *Path("/usr").glob("pgsql-*/bin"),
        *Path("/opt/homebrew/opt").glob("postgresql*/bin"),
        *Path("/usr/local/opt").glob("postgresql*/bin"),
    ]
    on_path = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    found = [*sorted(packaged, key=_version, reverse=True), *on_path, Path("/usr/local/bin"), Path("/usr/bin")]
    return next((folder for folder in found if _is_complete(folder)), None)


def _is_complete(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres"))


def _version(folder: Path) -> int:
    number = re.search(r"\d+", folder.parent.name)
    return int(number[0]) if number else 0


def find_psql() -> str | None:
    """The client `psql`, of the server's folder or on the path."""
    folder = find_binaries()
    beside = folder / "psql" if folder else None
    return str(beside) if beside and os.access(beside, os.X_OK) else shutil.which("psql")


def server_user() -> dict[str, object]:
    """What starts a process as somebody whom PostgreSQL accepts: nothing for an ordinary user."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError("this machine has neither a user postgres nor a user nobody to run PostgreSQL as")


class PostgresServer:
    """One server with the database `regulars`; the superuser is `postgres`, and everybody needs a password."""

    def __init__(self, folder: Path, binaries: Path, settings: str = "") -> None:
        self.folder = folder
        self.binaries = binaries
        self.data = folder / "data"
        self.password = "superuser's own pass word"
        self.port = _PORT
        self._process: subprocess.Popen | None = None
        self._make(settings)
        self.start()
        self.execute("CREATE DATABASE regulars", database="postgres")

    @property
    def host(self) -> str:
        """The folder of the socket, which is what clients take for a host."""
        return str(self.folder)

    def _run_as(self) -> dict[str, object]:
        return {**server_user(), "cwd": self.folder, "env": {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}}

    def _make(self, settings: str) -> None:
        user = server_user()
        if user:
            os.chown(self.folder, user["user"], user["group"])
        secret = self.folder / "password"
        secret.write_text(self.password, encoding="utf-8")
        secret.chmod(0o644)
        made = subprocess.run(
            [
                *(self.binaries / "initdb", "--pgdata", self.data, "--username", SUPERUSER, "--pwfile", secret),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync"),
            ],
            capture_output=True,
            text=True,
            **self._run_as(),
        )
        assert made.returncode == 0, made.stderr
        self.data.joinpath("postgresql.auto.conf").write_text(
            f"listen_addresses = ''\nport = {self.port}\nunix_socket_directories = '{self.folder}'\n"
            "max_connections = 60\nfsync = off\nfull_page_writes = off\nshared_buffers = 64MB\n"
            f"log_line_prefix = '%m %a '\n{settings}\n",
            encoding="utf-8",
        )

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.binaries / "postgres", "-D", self.data], stdout=log, stderr=log, **self._run_as()
            )
        until = time.monotonic() + _SECONDS_TO_START
        while True:
            try:
                self.connect(database="postgres").close()
            except Exception:  # noqa: BLE001 - whatever it is, it does not answer yet
                if self._process.poll() is not None or time.monotonic() > until:
                    self._process.kill()
                    raise RuntimeError(f"PostgreSQL did not start: {self.log()[-2000:]}") from None
                time.sleep(0.05)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT throws everybody out, SIGQUIT is a crash (the next start recovers)."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop and start."""
        self.stop(how)
        self.start()

    def log(self) -> str:
        """What the server wrote to its log."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def connect(self, user=SUPERUSER, password=None, database="regulars", **more):
        """A connection of psycopg, in autocommit unless told otherwise."""
        import psycopg

        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=user,
            password=self.password if password is None else password,
            dbname=database,
            **{"autocommit": True, "connect_timeout": 10, **more},
        )

    def execute(self, statement, values=None, **who) -> list[tuple]:
        """Run one statement as the superuser, or as who is named, and return its rows if it has any."""
        with self.connect(**who) as con:
            answer = con.execute(statement, values)
            return answer.fetchall() if answer.description else []

    def url(self, user: str, password: str, driver: str = "postgresql", database: str = "regulars") -> str:
        """The address for SQLAlchemy (`postgresql+psycopg`) or for ADBC and psql (`postgresql`)."""
        from urllib.parse import quote

        where = f"host={quote(self.host, safe='')}&port={self.port}"
        return f"{driver}://{quote(user)}:{quote(password, safe='')}@/{database}?{where}"


@contextmanager
def running(settings: str = "") -> Iterator[PostgresServer]:
    """A server of one's own, ended and removed at the end; skips the test where there is no PostgreSQL."""
    binaries = find_binaries()
    if binaries is None:
        if os.environ.get(REQUIRED):
            pytest.fail(f"{REQUIRED} is set, but {HOW_TO_GET_ONE}")
        pytest.skip(HOW_TO_GET_ONE)
    # A socket's path may have about a hundred characters, which a folder of pytest's would exceed.
    folder = Path(tempfile.mkdtemp(prefix="rpg-", dir="/tmp" if Path("/tmp").is_dir() else None))
    folder.chmod(0o755)
    server = None
    try:
        server = PostgresServer(folder, binaries, settings)
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
