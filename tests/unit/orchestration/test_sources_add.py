"""`regulars sources add`: an entry from a vendor's declaration, put where it belongs without touching the rest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.company import Company, CompanyError, load_company
from orchestration.sources_add import add_source
from orchestration.sources_entry import Entry, SourcesError, descriptions, entry_of, kind_named
from sources.vendors import VENDORS

COMPANY = """\
# A bakery.
company: {id: corner, name: "Corner"}
time_zone: Europe/Berlin
currency: EUR
country: DE

sources: # all of them
    till: # four blanks
        type: files
        channel: shop
        owner: team:data
        datasets:
            orders:
                path: "data/*.csv"
                entities:
                    - {entity: orders, columns: {order_id: no}}
        # a last word on the till

# The end of the sources.
as_of: latest   # blanks stay
"""

# A value for each setting that an entry asks somebody to fill in.
FILLED = {
    "shop": "bakehouse", "store": "https://shop.example", "domains": "mail.shop.example",
    "account_sid": "AC" + "0" * 32, "subdomain": "bakehouse", "email": "agent@shop.example",
}  # fmt: skip


@pytest.fixture
def company(tmp_path: Path) -> Path:
    file = tmp_path / "company.yaml"
    file.write_text(COMPANY, encoding="utf-8")
    return file


@pytest.fixture
def regulars():
    def call(*arguments: object):
        return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})

    return call


def _whole(entry: Entry) -> dict[str, object]:
    return yaml.safe_load(entry.text)[entry.name]


@pytest.mark.parametrize("name", list(VENDORS))
def test_every_vendors_entry_is_one_that_the_company_file_takes(name: str, company: Path) -> None:
    vendor = VENDORS[name]
    first = entry_of(vendor, None, [])
    given = [f"{key}={FILLED[key]}" for key in (one.removeprefix("api.") for one in first.to_fill if "api." in one)]
    add_source(company, vendor, None, given)
    loaded: Company = load_company(company)
    assert loaded.sources[name].type == name
    assert loaded.sources[name].channel == vendor.channel
    secrets = vendor.api.secrets if vendor.api else ()
    assert all(
        re.search(rf'{secret}: "\$\{{ENV:\w+\}}"', first.text) for secret in secrets if f"{secret}:" in first.text
    )
    assert bool(first.variables) == (vendor.api is not None)


@pytest.mark.parametrize("name", list(VENDORS))
def test_an_entry_explains_every_setting_and_names_every_object(name: str) -> None:
    vendor = VENDORS[name]
    text = entry_of(vendor, None, []).text
    assert vendor.docs in text
    assert all(one.name in text for one in vendor.objects)
    if vendor.api is not None:
        says = descriptions(vendor.api)
        assert set(vendor.api.model_fields) <= set(says)
        assert all(f" {key}: " in text or f" {key}:" in text for key in vendor.api.model_fields)


def test_the_rest_of_the_file_stays_byte_for_byte(company: Path) -> None:
    added = add_source(company, VENDORS["sendgrid"], "mails", [])
    after = company.read_text(encoding="utf-8")
    lines = after.splitlines()
    first, last = added.lines
    assert "\n".join(lines[: first - 2] + lines[last:]) + "\n" == COMPANY
    assert lines[first - 2] == ""
    assert lines[first - 1].startswith("    mails: # SendGrid")
    assert lines[first - 3] == "        # a last word on the till"
    assert load_company(company).sources["till"].owner == "team:data"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.partition("\n# The end")[0].rstrip("\n"),
        lambda text: text.partition("        # a last")[0],
        lambda text: text.replace('path: "data/*.csv"', "path: |-\n                    data/*.csv"),
    ],
    ids=["carriage returns", "byte order mark", "no line end", "ends with the sources", "a text block"],
)
def test_files_of_other_habits(company: Path, change) -> None:
    text = change(COMPANY)
    company.write_bytes(text.encode("utf-8"))
    add_source(company, VENDORS["postmark"], None, [])
    after = company.read_bytes().decode("utf-8")
    assert list(load_company(company).sources) == ["till", "postmark"]
    assert after.replace("\r\n", "").count("\r") == 0
    start = after.index("    postmark:")
    assert text.startswith(after[:start].rstrip("\r\n"))
    assert ("\r\n" in text) == ("\r\n" in after[start:])


def test_a_file_without_sources_gets_them(company: Path) -> None:
    company.write_text(COMPANY.partition("sources:")[0] + "sources:\n", encoding="utf-8")
    add_source(company, None, "till", [])
    assert list(load_company(company).sources) == ["till"]
    company.write_text(COMPANY.partition("sources:")[0], encoding="utf-8")
    add_source(company, None, "till", [])
    assert list(load_company(company).sources) == ["till"]


def test_what_cannot_be_added_to_is_left_alone(company: Path) -> None:
    with pytest.raises(CompanyError, match="a source `till` already"):
        add_source(company, None, "till", [])
    text = COMPANY.partition("sources:")[0] + "sources: {a: {type: files}}\n"
    company.write_text(text, encoding="utf-8")
    with pytest.raises(SourcesError, match="one line with braces"):
        add_source(company, None, "till", [])
    assert company.read_text(encoding="utf-8") == text


def test_names_settings_and_secrets_are_checked() -> None:
    with pytest.raises(SourcesError, match="did you mean `shopify`"):
        kind_named("shopfy")
    with pytest.raises(SourcesError, match="cannot be a source's name"):
        entry_of(None, "all", [])
    with pytest.raises(SourcesError, match="no secrets in the file"):
        entry_of(VENDORS["shopify"], None, ["access_token=very-secret"])
    with pytest.raises(SourcesError, match="KEY=VALUE"):
        entry_of(VENDORS["shopify"], None, ["shp=bakehouse"])
    assert _whole(entry_of(VENDORS["mailgun"], None, ["domains=a.example, b.example"]))["api"]["domains"] == [
        "a.example", "b.example",
    ]  # fmt: skip
    assert _whole(entry_of(VENDORS["shopify"], None, ["shop=123", "page_size=5"]))["api"] == {
        "shop": "123", "page_size": 5, "access_token": "${ENV:SHOPIFY_ACCESS_TOKEN}",
    }  # fmt: skip


def test_alternatives_of_a_secret_are_not_both_asked_for() -> None:
    entry = entry_of(VENDORS["zendesk"], "desk", [])
    assert set(_whole(entry)["api"]) == {"subdomain", "email", "api_token"}
    assert entry.variables == ["DESK_API_TOKEN"]


def test_the_command_says_what_it_wrote_and_what_is_next(regulars, company: Path) -> None:
    result = regulars("sources", "add", "shopify", "--name", "webshop", "--company", company)
    assert result.exit_code == 0, result.output
    words = " ".join(result.output.split())
    assert "webshop: # Shopify" in words
    assert "fill in sources.webshop.api.shop" in words
    assert "export WEBSHOP_ACCESS_TOKEN=" in words
    assert "sources test webshop" in words
    missing = regulars("check", "--company", company)
    assert missing.exit_code == 2
    assert "sources.webshop.api.shop" in missing.output + missing.stderr


def test_print_writes_nothing(regulars, company: Path) -> None:
    result = regulars("sources", "add", "files", "--name", "export", "--print", "--company", company)
    assert result.exit_code == 0
    assert list(yaml.safe_load(result.output)) == ["export"]
    assert company.read_text(encoding="utf-8") == COMPANY


def test_without_a_vendor_all_are_listed(regulars) -> None:
    for command in (("sources", "add"), ("sources", "list-vendors")):
        result = regulars(*command)
        assert result.exit_code == 0
        assert all(name in result.output for name in VENDORS)
    unknown = regulars("sources", "add", "shopfy")
    assert unknown.exit_code == 1
    assert "did you mean `shopify`" in unknown.stderr + unknown.output
