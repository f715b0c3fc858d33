"""The part of a company file that says where PostgreSQL is and who may read there what."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from orchestration.company_fields import Count, Strict, Text, WholeNumber, wrong

_ONE_VARIABLE = re.compile(r"\$\{ENV:[A-Za-z_][A-Za-z0-9_]*\}")
# PostgreSQL cuts names after 63 bytes; what we add to a schema's name needs room.
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,40}")
_OF_THE_SERVER = ("pg_", "information_schema")
# Shorter keys can be found by trying all of them against an address that is known to be there.
SHORTEST_KEY = 32


def _check_name(value: str) -> str:
    if not _NAME.fullmatch(value) or value.startswith(_OF_THE_SERVER):
        raise wrong("a name of small letters, digits and _, at most 41, not one of the server's own (pg_…)")
    return value


def _check_secret(value: str) -> str:
    if not _ONE_VARIABLE.fullmatch(value):
        raise wrong("a variable of the environment: ${ENV:NAME}")
    return value


Name = Annotated[str, AfterValidator(_check_name)]
Secret = Annotated[str, AfterValidator(_check_secret)]
Seconds = Annotated[WholeNumber, Field(ge=1)]


class _WithSchema(Strict):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=True)


class PseudonymousSettings(_WithSchema):
    """A second schema without personal data, for a role of its own.

    Attributes:
        schema_name: Where its views are.
        role: Who may read them, and nothing else of ours.
        secret_key: The variable with the secret that pseudonyms are made with; another key makes other pseudonyms.
    """

    schema_name: Name | None = Field(default=None, alias="schema")
    role: Name = "regulars_pseudonymous"
    secret_key: Secret


class PostgresSettings(_WithSchema):
    """A PostgreSQL database that the marts are copied to after each publication.

    Attributes:
        host: A machine, or the folder of a socket.
        password: The variable with the password; without it PGPASSWORD or a .pgpass file, as libpq finds them.
        schema_name: Where the public marts are; `<schema>_store` holds the tables behind them.
        role: Who may read the public marts.
        statement_timeout_seconds: How long one statement, such as the copy of one table, may take.
        lock_wait_seconds: How long to go on trying where a reader holds a table whose columns changed.
        indexed_columns: Columns that get an index wherever they are, beside the grain of small tables.
        pseudonymous: A second schema without personal data; none without it.
    """

    host: Text
    port: Annotated[WholeNumber, Field(ge=1, le=65535)] = 5432
    dbname: Text
    user: Text
    password: Secret | None = None
    sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] = "prefer"
    sslrootcert: Text | None = None
    schema_name: Name = Field(default="marts", alias="schema")
    role: Name = "regulars_reader"
    connect_timeout_seconds: Seconds = 10
    statement_timeout_seconds: Seconds = 3600
    lock_wait_seconds: Seconds = 60
    indexed_columns: tuple[Name, ...] = ("customer_id", "order_id")
    index_grain_up_to_rows: Count = 1_000_000
    pseudonymous: PseudonymousSettings | None = None

    @property
    def store(self) -> str:
        """The schema of the tables behind the views, which no reader has rights on."""
        return f"{self.schema_name}_store"

    @property
    def pseudonymous_schema(self) -> str | None:
        """The schema without personal data, where there is one."""
        if self.pseudonymous is None:
            return None
        return self.pseudonymous.schema_name or f"{self.schema_name}_pseudonymous"

    @property
    def shown(self) -> str:
        """Where it is, for messages: no user, no secret."""
        return f"PostgreSQL {self.host}:{self.port}/{self.dbname}"

    @model_validator(mode="after")
    def _are_different(self) -> PostgresSettings:
        names = [self.schema_name, self.store, self.pseudonymous_schema]
        if len({*names}) != len(names):
            raise wrong("another schema for `pseudonymous` than that of the public marts")
        if self.pseudonymous is not None and self.pseudonymous.role == self.role:
            raise wrong("another role for `pseudonymous`: this one may read the public marts, personal data included")
        return self
