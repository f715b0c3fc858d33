"""`postgres:` in a company file."""

import pytest
import yaml

from orchestration.company import CompanyError, environment_problems, load_company
from orchestration.postgres.errors import connecting
from orchestration.postgres.step import secrets_of

WHERE = {"host": "db.example", "dbname": "reports", "user": "regulars"}


def write(folder, postgres):
    file = folder / "company.yaml"
    orders = {"path": "o.csv", "entities": [{"entity": "orders", "columns": {"order_id": "id"}}]}
    company = {
        "company": {"id": "shop", "name": "Shop"}, "time_zone": "UTC", "currency": "EUR", "country": "DE",
        "sources": {"shop": {"channel": "shop", "owner": "team:it", "datasets": {"orders": orders}}},
        "postgres": postgres,
    }  # fmt: skip
    file.write_text(yaml.safe_dump(company), "utf-8")
    return file


def test_defaults_and_secrets_from_the_environment(tmp_path, monkeypatch):
    given = {**WHERE, "password": "${ENV:PG_SECRET}", "pseudonymous": {"secret_key": "${ENV:PG_KEY}"}}
    company = load_company(write(tmp_path, given))
    settings = company.postgres
    assert (settings.schema_name, settings.store, settings.pseudonymous_schema) == (
        "marts", "marts_store", "marts_pseudonymous",
    )  # fmt: skip
    assert {problem.found for problem in environment_problems(company)} == {
        "${ENV:PG_SECRET}, which is not set", "${ENV:PG_KEY}, which is not set",
    }  # fmt: skip
    with pytest.raises(CompanyError):
        secrets_of(company)
    monkeypatch.setenv("PG_SECRET", "hush")
    monkeypatch.setenv("PG_KEY", "k" * 40)
    found = secrets_of(company)
    assert (found.password, found.key) == ("hush", "k" * 40)
    assert "hush" not in repr(found) + repr(settings)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"password": "hush-hush"}, "no secrets in the file"),
        ({"pseudonymous": {"secret_key": "hush-hush"}}, "variable"),
        ({"pseudonymous": {"secret_key": "${ENV:K}", "schema": "marts"}}, "another schema"),
        ({"pseudonymous": {"secret_key": "${ENV:K}", "schema": "marts_store"}}, "another schema"),
        ({"pseudonymous": {"secret_key": "${ENV:K}", "role": "regulars_reader"}}, "another role"),
        ({"schema": "Marts; drop"}, "a name of small letters"),
        ({"schema": "pg_catalog"}, "a name of small letters"),
        ({"sslmode": "yes please"}, "verify-full"),
        ({"port": 70000}, "65535"),
        ({"dbname": None}, "text"),
        ({"databse": "reports"}, "databse"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, change, words):
    with pytest.raises(CompanyError) as caught:
        load_company(write(tmp_path, {**WHERE, **change}))
    assert words in str(caught.value)
    assert "postgres" in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('FATAL:  password authentication failed for user "regulars"', "password is wrong or missing"),
        ("FATAL:  the database system is starting up", "starting up or shutting down"),
        ("FATAL:  sorry, too many clients already", "no connection free"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"', "pg_hba.conf"),
        ('FATAL:  role "regulars" does not exist', "knows no user `regulars`"),
        ("SSL error: certificate verify failed", "no encrypted connection"),
        ("Something entirely new 'secret-value'", "no connection came about"),
    ],
)
def test_why_no_connection_came_about(tmp_path, said, words):
    error = connecting(load_company(write(tmp_path, WHERE)).postgres, f"IO: [libpq] Failed to connect: {said}\n")
    assert words in str(error)
    assert "db.example:5432/reports" in str(error)
    assert "secret-value" not in str(error)
