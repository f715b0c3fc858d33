import re
import shutil
import textwrap
from pathlib import Path

import duckdb
import pytest

from expectations.catalogue import CatalogueError, Rule, check_sql, load_rules, to_dbt_vars
from expectations.sql_project import SqlProject

PROJECT = Path(__file__).resolve().parents[3] / "dbt_project"

RULE = """\
- id: orders_paid
  entity: orders
  field: status
  dimension: consistency
  weight: 2
  severity: warning
  sql: status = 'paid'
  says: An order is paid at the till.
"""


@pytest.fixture
def refused(tmp_path):
    """Write a rules file, load it as the whole catalogue, and return what was refused as (line, reason)."""

    def load(text: str) -> list[tuple[int, str]]:
        file = tmp_path / "rules.yaml"
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        with pytest.raises(CatalogueError) as caught:
            load_rules(folder=file)
        assert all(problem.file == str(file) for problem in caught.value.problems)
        return [(problem.line, problem.reason) for problem in caught.value.problems]

    return load


def with_line(old: str, new: str) -> str:
    assert old in RULE
    return RULE.replace(old, new)


def test_a_good_rule_is_read_as_it_is_written(tmp_path):
    file = tmp_path / "orders.yaml"
    file.write_text("# why\n" + RULE, encoding="utf-8")
    assert load_rules(folder=tmp_path) == [
        Rule(
            id="orders_paid",
            entity="orders",
            field="status",
            dimension="consistency",
            weight=2,
            severity="warning",
            sql="status = 'paid'",
            mostly=0.9,
            says="An order is paid at the till.",
            file=str(file),
            line=2,
        )
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("weight: 2", "weight: -1", 5, "weight: greater than 0, found -1"),
        ("weight: 2", "weight: 0", 5, "weight: greater than 0, found 0"),
        ("weight: 2", "weight: .nan", 5, "weight:"),
        ("weight: 2", 'weight: "2"', 5, "weight: must be a number, found '2'"),
        ("weight: 2", "weight: true", 5, "weight: must be a number"),
        ("severity: warning", "severity: fatal", 6, "severity: 'record', 'field' or 'warning', found 'fatal'"),
        ("dimension: consistency", "dimension: beauty", 4, "dimension:"),
        ("entity: orders", "entity: invoices", 2, "`invoices` is no entity"),
        ("id: orders_paid", "id: Orders-Paid", 1, "must be lower-case letters"),
        ("sql: status = 'paid'", "sql: ''", 7, "sql:"),
        ("sql: status = 'paid'", "sql: status = 'paid'; drop table orders", 7, "one condition"),
        ("sql: status = 'paid'", 'sql: "{{ env_var(1) }} = 1"', 7, "one condition"),
        ("sql: status = 'paid'", "sql: (status = 'paid'", 7, "parentheses"),
        ("weight: 2", "wieght: 2", 5, "unknown key `wieght`"),
        ("  weight: 2\n", "", 1, "`weight` is missing"),
        ("  weight: 2\n", "  weight: 2\n  weight: 3\n", 6, "`weight` comes twice"),
        ("  weight: 2\n", "  weight: 2\n  mostly: 1.5\n", 6, "mostly: less than or equal to 1, found 1.5"),
        ("  weight: 2\n", "  weight: 2\n  line: 7\n", 6, "unknown key `line`"),
        ("severity: warning", "severity: field\n  # set aside\n", 1, None),
        ("says: An order is paid at the till.", "says: paid", 8, "says:"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_line_and_the_reason(refused, old, new, line, words):
    if words is None:  # severity field on the whole record has no value to set aside
        text = with_line(old, new).replace("field: status", "field: record")
        words = "must name a column"
    else:
        text = with_line(old, new)
    problems = refused(text)
    assert any(found == line and words in reason for found, reason in problems), problems


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("id: orders_paid\n", 1, "must be a list"),
        ("- just a text\n", 1, "must be a mapping"),
        ("- id: a\n  weight: [1\n- id: b\n", 3, "is no YAML"),
        ("- id: !!python/object:os.system x\n", 1, "cannot be read"),
    ],
)
def test_a_file_that_is_no_list_of_rules_is_refused(refused, text, line, words):
    problems = refused(text)
    assert [found for found, _ in problems] == [line]
    assert words in problems[0][1]


def test_everything_that_is_wrong_is_named_at_once(refused):
    problems = refused(with_line("weight: 2", "weight: -1") + with_line("severity: warning", "severity: fatal"))
    assert [line for line, _ in problems] == [5, 14]


def test_ids_are_unique_also_between_the_catalogue_and_a_company_file(tmp_path):
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "orders.yaml").write_text(RULE, encoding="utf-8")
    extra = tmp_path / "own.yaml"
    extra.write_text("\n\n" + RULE, encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"own\.yaml, line 3: rule `orders_paid`: the id is taken by .*line 1"):
        load_rules(extra, folder=folder)


def test_a_company_file_adds_its_rules(tmp_path):
    extra = tmp_path / "own.yaml"
    extra.write_text(RULE, encoding="utf-8")
    own = {rule.id for rule in load_rules(extra)} - {rule.id for rule in load_rules()}
    assert own == {"orders_paid"}


def test_missing_and_unreadable_files_are_named(tmp_path):
    with pytest.raises(CatalogueError, match="no such rules file"):
        load_rules(tmp_path / "nowhere.yaml")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("- id: caf\xe9".encode("latin-1"))
    with pytest.raises(CatalogueError, match="not UTF-8"):
        load_rules(latin)


def test_a_field_that_the_entity_does_not_have_is_refused(tmp_path):
    file = tmp_path / "orders.yaml"
    file.write_text(RULE, encoding="utf-8")
    assert load_rules(folder=file, fields={"orders": ["status"]})
    with pytest.raises(CatalogueError, match="`status` is no field of orders; known are order_id"):
        load_rules(folder=file, fields={"orders": ["order_id"]})


def test_the_catalogue_fits_the_columns_of_staging(sql_project):
    rules = load_rules(fields=sql_project.fields)
    check_sql(rules, sql_project)
    assert {rule.entity for rule in rules} == set(sql_project.columns)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("no_such_column = 1", "no_such_column"),
        ("status =", "sql:"),
        ("length(status)", "must be a condition"),
        ("sum(gross_amount) > 0", "sql:"),
    ],
)
def test_sql_that_does_not_bind_is_refused_with_file_and_line(tmp_path, sql_project, sql, words):
    file = tmp_path / "orders.yaml"
    file.write_text("\n" + with_line("status = 'paid'", sql), encoding="utf-8")
    with pytest.raises(CatalogueError) as caught:
        check_sql(load_rules(folder=file), sql_project)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == (str(file), 2)
    assert words in problem.reason


def test_dbt_gets_plain_values_without_places():
    (entry,) = [entry for entry in to_dbt_vars(load_rules()) if entry["id"] == "orders_ordered_at_readable"]
    assert entry == {
        "id": "orders_ordered_at_readable",
        "entity": "orders",
        "field": "ordered_at",
        "dimension": "format",
        "weight": 5.0,
        "severity": "record",
        "sql": "ordered_at is not null",
        "arguments": [],
        "mostly": 0.99,
        "says": "An order has the time at which it was placed, written so that it can be read.",
    }


def test_each_entity_has_its_rule_on_rejected_lines(sql_project):
    found = {rule.id: rule for rule in load_rules() if rule.id.endswith("_readable") and rule.field == "record"}
    for entity in {rule.entity for rule in load_rules()}:
        rule = found[f"{entity}_readable"]
        assert (rule.severity, rule.sql) == ("record", "reject_reason is null")
        assert sql_project.condition(rule) == "reject_reason is null"


MACRO_RULE = """\
- id: orders_amounts_there
  entity: orders
  field: record
  dimension: format
  weight: 1
  severity: warning
  macro: {macro}
  arguments: [{arguments}]
  says: The amounts of an order can be read.
"""


def macro_project(tmp_path, text: str) -> SqlProject:
    """The project's own macros with one file more."""
    folder = tmp_path / "project"
    shutil.copytree(PROJECT / "macros", folder / "macros")
    (folder / "macros" / "rules" / "own.sql").write_text(text, encoding="utf-8")
    return SqlProject(folder)


def test_a_macro_writes_the_condition_of_a_rule(tmp_path):
    project = macro_project(tmp_path, "{% macro is_even(column) %}{{ column }} % 2 = 0{% endmacro %}")
    file = tmp_path / "orders.yaml"
    file.write_text(MACRO_RULE.format(macro="is_even", arguments="gross_amount"), encoding="utf-8")
    (rule,) = load_rules(folder=file)
    check_sql([rule], project)
    assert project.condition(rule) == "reject_reason is not null or (gross_amount % 2 = 0)"
    (entry,) = to_dbt_vars([rule])
    assert (entry["macro"], entry["arguments"]) == ("is_even", ["gross_amount"])
    assert "sql" not in entry


def test_a_macro_may_call_the_macros_of_the_engine(tmp_path):
    """`matches` is written for each engine; here it is read as DuckDB's."""
    text = "{% macro is_short(column) %}{{ regulars.matches(column, '^.{1,3}$') }}{% endmacro %}"
    project = macro_project(tmp_path, text)
    file = tmp_path / "orders.yaml"
    file.write_text(MACRO_RULE.format(macro="is_short", arguments="status"), encoding="utf-8")
    rules = load_rules(folder=file)
    check_sql(rules, project)
    with duckdb.connect(":memory:") as con:
        found = con.execute(
            f"SELECT {project.condition(rules[0])} FROM (VALUES ('ok'), ('open')) AS t (status), "
            "(SELECT CAST(NULL AS VARCHAR) AS reject_reason)"
        ).fetchall()
    assert found == [(True,), (False,)]


@pytest.mark.parametrize(
    ("macro", "arguments", "text", "words"),
    [
        ("no_such_macro", "status", "", "there is no macro `no_such_macro`"),
        ("is_even", "", "{% macro is_even(column) %}{{ column }} % 2 = 0{% endmacro %}", "was not provided"),
        (
            "is_even",
            "status, 2",
            "{% macro is_even(column) %}{{ column }} % 2 = 0{% endmacro %}",
            "takes not more than",
        ),
        ("is_even", "no_column", "{% macro is_even(column) %}{{ column }} % 2 = 0{% endmacro %}", "no_column"),
        ("broken", "status", "{% macro broken(column) %}{{ column }", "own.sql, line 1"),
    ],
)
def test_a_macro_that_does_not_work_is_refused_with_file_and_line(tmp_path, macro, arguments, text, words):
    file = tmp_path / "orders.yaml"
    file.write_text("\n" + MACRO_RULE.format(macro=macro, arguments=arguments), encoding="utf-8")
    with pytest.raises(CatalogueError) as caught:
        check_sql(load_rules(folder=file), macro_project(tmp_path, text))
    (problem,) = caught.value.problems
    if macro == "broken":  # no rule can be checked without the macros
        assert problem.file.endswith("macros")
    else:
        assert (problem.file, problem.line) == (str(file), 2)
    assert words in problem.reason


def test_a_rule_has_sql_or_a_macro_and_not_both(refused):
    both = with_line("  sql: status = 'paid'\n", "  sql: status = 'paid'\n  macro: is_readable\n")
    none = with_line("  sql: status = 'paid'\n", "")
    alone = with_line("  sql: status = 'paid'\n", "  sql: status = 'paid'\n  arguments: [status]\n")
    for text, words in ((both, "not both"), (none, "needs `sql`, or `macro`"), (alone, "`arguments` are those of a")):
        ((line, reason),) = refused(text)
        assert line == 1
        assert words in reason


def test_a_companys_own_rule_is_refused_before_anything_runs(tmp_path):
    """The company file names the rules; a wrong one stops the run with file, line and reason."""
    own = tmp_path / "own.yaml"
    own.write_text(with_line("status = 'paid'", "state = 'paid'"), encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"own\.yaml, line 1: rule `orders_paid`: sql: .*state"):
        check_sql(load_rules(own), SqlProject(PROJECT))


T = "2026-03-10 12:00:00"


def name(column: str, judged: str) -> dict[str, str]:
    """The columns of a name that is `good`, `doubtful` or `bad`."""
    flags = {"good": ("true", "false"), "doubtful": ("true", "true"), "bad": ("false", None)}[judged]
    columns = {f"{column}_text": "x", f"{column}_is_valid": flags[0], f"{column}_is_doubtful": flags[1]}
    return {key: value for key, value in columns.items() if value is not None}


# rule, the record's columns, and whether it passes. What is not named is null; loaded_at is T.
CASES = [
    ("customers_account_id_present", {"account_id": "7"}, True),
    ("customers_account_id_present", {}, False),
    ("customers_account_id_present", {"reject_reason": "unreadable line: 3 fields"}, True),
    ("customers_readable", {"reject_reason": "unreadable line: 3 fields"}, False),
    ("customers_email_format", {}, True),
    ("customers_email_format", {"email_text": "a@", "email_is_valid": "false"}, False),
    ("customers_email_format", {"email_text": "a@b.example", "email_is_valid": "true"}, True),
    ("customers_email_format", {"email_text": "never judged"}, False),
    ("customers_phone_format", {"phone_text": "030", "phone_is_valid": "false"}, False),
    # Loaded in 2026: 120 years back is 1906.
    ("customers_birth_date_plausible", {"birth_date": "1900-01-01"}, False),
    ("customers_birth_date_plausible", {"birth_date": "1905-12-31"}, False),
    ("customers_birth_date_plausible", {"birth_date": "1906-01-01"}, True),
    ("customers_birth_date_plausible", {"birth_date": "2026-03-10"}, True),
    ("customers_birth_date_plausible", {"birth_date": "2026-03-11"}, False),
    ("customers_birth_date_plausible", {}, True),
    ("customers_birth_date_readable", {"birth_date_text": "31.02.1990"}, False),
    ("customers_birth_date_not_placeholder", {"birth_date": "1970-01-01"}, False),
    ("customers_birth_date_not_placeholder", {"birth_date": "1970-01-02"}, True),
    ("customers_birth_date_not_placeholder", {}, True),
    ("customers_email_not_disposable", {"email_is_disposable": "true"}, False),
    ("customers_email_not_disposable", {"email_is_disposable": "false"}, True),
    ("customers_email_not_disposable", {}, True),
    ("orders_email_not_disposable", {"email_is_disposable": "true"}, False),
    ("customers_country_code_known", {"country_code_text": "UK", "country_code_is_valid": "true"}, True),
    ("customers_country_code_known", {"country_code_text": "XX", "country_code_is_valid": "false"}, False),
    ("customers_country_code_known", {"country_code_text": "never judged"}, False),
    ("customers_country_code_known", {}, True),
    ("customers_postal_code_format", {"postal_code_text": "1", "postal_code_is_valid": "false"}, False),
    ("customers_postal_code_format", {"postal_code_text": "10115", "postal_code_is_valid": "true"}, True),
    ("customers_postal_code_format", {"postal_code_text": "never judged"}, False),
    ("customers_postal_code_format", {}, True),
    ("customers_full_name_format", {"full_name_text": "n/a", "full_name_is_valid": "false"}, False),
    ("customers_full_name_format", {}, True),
    ("customers_first_name_format", {"first_name_text": "never judged"}, False),
    ("customers_first_name_format", {}, True),
    ("customers_last_name_format", {}, True),
    ("products_unit_cost_not_negative", {"unit_cost": "-0.01"}, False),
    ("products_unit_cost_not_negative", {"unit_cost": "0"}, True),
    ("products_unit_cost_not_negative", {}, True),
    ("orders_ordered_at_readable", {"ordered_at_text": "yesterday"}, False),
    ("orders_ordered_at_readable", {}, False),
    ("orders_ordered_at_not_future", {"ordered_at": "2026-03-11 12:00:00"}, True),
    ("orders_ordered_at_not_future", {"ordered_at": "2026-03-11 12:00:01"}, False),
    ("orders_ordered_at_not_future", {}, True),
    ("orders_gross_amount_readable", {"gross_amount_text": "12,50"}, False),
    ("orders_gross_amount_readable", {}, True),
    ("orders_customer_known", {"loyalty_card": "9"}, True),
    ("orders_customer_known", {"email_text": "a@"}, False),
    ("orders_ordered_at_not_1970", {"ordered_at": "1970-01-01 00:00:00"}, False),
    ("orders_ordered_at_not_1970", {"ordered_at": "1971-01-01 00:00:00"}, True),
    ("orders_status_known", {"status": "Partially_Refunded"}, True),
    ("orders_status_known", {"status": "on-hold"}, True),
    ("orders_status_known", {"status": "lost in the post"}, False),
    ("orders_status_known", {}, True),
    ("orders_amounts_readable", {"tax_amount_text": "1,20"}, False),
    ("orders_amounts_readable", {"tax_amount_text": "1.20", "tax_amount": "1.20"}, True),
    ("orders_total_adds_up", {"total_amount": "11.00", "gross_amount": "10", "shipping_amount": "1"}, True),
    ("orders_total_adds_up", {"total_amount": "11.07", "gross_amount": "10", "shipping_amount": "1"}, False),
    (
        "orders_total_adds_up",
        {"total_amount": "9.63", "gross_amount": "10", "discount_amount": "-1", "tax_amount": "0.63"},
        True,
    ),
    (
        "orders_total_adds_up",
        {"total_amount": "9.00", "gross_amount": "10", "discount_amount": "1", "tax_amount": "0.63"},
        True,
    ),
    (
        "orders_total_adds_up",
        {"total_amount": "9.30", "gross_amount": "10", "discount_amount": "1", "tax_amount": "0.63"},
        False,
    ),
    ("orders_total_adds_up", {"total_amount": "7", "gross_amount": "10", "refund_amount": "-3"}, True),
    ("orders_total_adds_up", {"total_amount": "-10", "gross_amount": "-10"}, True),
    ("orders_total_adds_up", {"total_amount": "100", "gross_amount": "10"}, False),
    ("orders_total_adds_up", {"gross_amount": "10"}, True),
    ("orders_total_adds_up", {"total_amount": "10"}, True),
    ("products_product_name_present", {"sku": "R-1", "unit_cost": "0.40"}, True),
    ("products_product_name_present", {"sku": "R-1", "unit_cost": "0.40", "unit_price_text": "1"}, False),
    ("orders_discount_within_gross", {"gross_amount": "10", "discount_amount": "-10.05"}, True),
    ("orders_discount_within_gross", {"gross_amount": "10", "discount_amount": "10.06"}, False),
    ("orders_discount_within_gross", {"discount_amount": "10.06"}, True),
    ("orders_refund_within_total", {"gross_amount": "-10", "refund_amount": "10"}, True),
    ("orders_refund_within_total", {"gross_amount": "10", "shipping_amount": "4", "refund_amount": "14.01"}, True),
    ("orders_refund_within_total", {"gross_amount": "10", "shipping_amount": "4", "refund_amount": "15"}, False),
    ("order_lines_quantity_sign", {"quantity": "-1"}, True),
    ("order_lines_quantity_sign", {"quantity": "-1", "is_return": "true"}, True),
    ("order_lines_quantity_sign", {"quantity": "-1", "is_return": "false"}, False),
    ("order_lines_quantity_sign", {"quantity": "1", "is_return": "false"}, True),
    ("order_lines_ordered_at_plausible", {"ordered_at": "1970-01-01 00:00:00"}, False),
    ("order_lines_ordered_at_plausible", {"ordered_at": "2026-03-12 00:00:00"}, False),
    ("order_lines_ordered_at_plausible", {}, True),
    ("order_lines_discount_within_price", {"quantity": "-2", "unit_price": "5", "discount_amount": "10"}, True),
    ("order_lines_discount_within_price", {"quantity": "2", "unit_price": "5", "discount_amount": "11"}, False),
    ("order_lines_product_received", {"product_is_known": "false", "product_id": "7"}, False),
    ("order_lines_product_received", {"product_is_known": "false", "product_id": "custom:Day-old rolls"}, True),
    ("products_unit_price_not_negative", {"unit_price": "-1"}, False),
    ("products_unit_price_not_negative", {}, True),
    ("order_lines_product_id_present", {"line_kind": "shipping"}, True),
    ("order_lines_product_id_present", {"line_kind": "product"}, False),
    ("order_lines_product_id_present", {}, False),
    ("order_lines_quantity_not_zero", {"quantity": "0"}, False),
    ("order_lines_quantity_not_zero", {"quantity": "-3"}, True),
    ("order_lines_quantity_readable", {}, False),
    ("order_lines_unit_price_positive", {"unit_price": "0"}, False),
    ("order_lines_unit_price_positive", {"unit_price": "0.01"}, True),
    ("order_lines_unit_price_positive", {}, True),
    ("order_lines_unit_price_readable", {}, False),
    ("email_events_event_known", {"event": "open"}, True),
    ("email_events_event_known", {"event": "opened"}, False),
    ("email_events_event_known", {"event": "deferred"}, True),
    ("email_events_occurred_at_plausible", {"occurred_at": "1970-01-01"}, False),
    ("email_events_occurred_at_plausible", {"occurred_at": "2000-01-01"}, True),
    ("email_events_occurred_at_plausible", {}, True),
    ("email_events_event_known", {}, False),
    ("email_events_recipient_present", {"email_text": "broken@"}, True),
    ("email_events_recipient_present", {"account_id": "7"}, True),
    ("email_events_recipient_present", {}, False),
    ("calls_talk_seconds_not_negative", {"talk_seconds": "-1"}, False),
    ("calls_talk_seconds_not_negative", {"talk_seconds": "0"}, True),
    ("calls_started_at_readable", {}, False),
    ("calls_started_at_readable", {"part_of": "k1"}, True),
    ("calls_started_at_readable", {"part_of": "k1", "started_at_text": "soon"}, False),
    ("calls_started_at_not_1970", {"started_at": "1970-01-01 00:00:00"}, False),
    ("calls_started_at_not_1970", {"started_at": "1999-02-01 00:00:00"}, True),
    ("calls_caller_known", {"part_of": "k1"}, True),
    ("tickets_created_at_readable", {"created_at_text": "yesterday"}, False),
    ("tickets_created_at_readable", {"part_of": "7"}, True),
    ("tickets_created_at_not_1970", {"created_at": "1970-01-01 00:00:00"}, False),
    ("tickets_status_known", {"status": "Open"}, True),
    ("tickets_status_known", {"status": "snoozed"}, False),
    ("tickets_status_known", {}, True),
    ("tickets_status_present", {"part_of": "7"}, True),
    (
        "tickets_solved_at_not_before_opening",
        {"created_at": "2026-01-02 00:00:00", "solved_at": "2026-01-01 00:00:00"},
        False,
    ),
    ("tickets_satisfaction_in_range", {"satisfaction": "6"}, False),
    ("tickets_satisfaction_in_range", {"satisfaction_text": "good"}, True),
    ("consents_channel_known", {"channel": "SMS"}, True),
    ("consents_channel_known", {"channel": "fax"}, False),
    ("consents_status_known", {"status": "help"}, False),
    ("consents_status_known", {}, False),
    ("consents_occurred_at_readable", {"status": "granted"}, False),
    ("consents_occurred_at_readable", {"status": "Denied", "occurred_at_text": "31.02.2025"}, True),
    (
        "consents_occurred_at_not_future",
        {"status": "granted", "occurred_at": "2031-01-01 00:00:00", "loaded_at": "2026-01-01 00:00:00"},
        False,
    ),
    ("consents_occurred_at_not_1970", {"status": "suppressed", "occurred_at": "1970-01-01 00:00:00"}, True),
    ("consents_refused_at_plausible", {"status": "denied", "occurred_at_text": "31.02.2025"}, False),
    ("consents_refused_at_plausible", {"status": "Suppressed", "occurred_at": "1970-01-01 00:00:00"}, False),
    ("consents_refused_at_plausible", {"status": "denied"}, True),
    # The time of a yes is judged by other rules.
    ("consents_refused_at_plausible", {"status": "granted", "occurred_at": "1970-01-01 00:00:00"}, True),
    ("consents_refused_at_plausible", {"occurred_at_text": "31.02.2025"}, True),
    ("consents_person_present", {"email_text": "broken@"}, True),
    ("consents_person_present", {}, False),
    ("surveys_score_within_scale", {"kind": "nps", "score": "10"}, True),
    ("surveys_score_within_scale", {"kind": "nps", "score": "11"}, False),
    ("surveys_score_within_scale", {"kind": "NPS", "score": "-1"}, False),
    ("surveys_score_within_scale", {"kind": "nps", "score": "50", "scale_min": "-100", "scale_max": "100"}, True),
    ("surveys_score_within_scale", {"kind": "csat", "score": "6", "scale_min": "1", "scale_max": "5"}, False),
    ("surveys_score_within_scale", {"kind": "csat", "score": "0", "scale_min": "1"}, False),
    ("surveys_score_within_scale", {"kind": "rating", "score": "73"}, True),
    ("surveys_score_within_scale", {"kind": "nps"}, True),
    ("surveys_scale_runs_upwards", {"scale_min": "5", "scale_max": "5"}, False),
    ("surveys_scale_runs_upwards", {"scale_max": "5"}, True),
    ("surveys_kind_known", {"kind": "CSAT"}, True),
    ("surveys_respondent_known", {"email_text": "broken@"}, False),
    ("experiment_assignments_planned_share_in_range", {"planned_share": "1"}, True),
    ("experiment_assignments_planned_share_in_range", {"planned_share": "0"}, False),
    ("experiment_assignments_planned_share_in_range", {"planned_share": "1.01"}, False),
    ("experiment_assignments_planned_share_in_range", {}, True),
    ("experiment_assignments_planned_share_readable", {"planned_share_text": "half"}, False),
    ("experiment_assignments_assigned_at_readable", {"assigned_at_text": "31.02.2025"}, False),
    ("experiment_assignments_person_known", {"email_text": "broken@"}, True),
    ("experiment_assignments_person_known", {}, False),
    ("subscriptions_started_at_plausible", {"started_at": "1970-01-01 00:00:00"}, False),
    (
        "subscriptions_started_at_plausible",
        {"started_at": "2026-03-01 00:00:00", "loaded_at": "2026-01-01 00:00:00"},
        True,
    ),
    (
        "subscriptions_ended_at_not_before_start",
        {"started_at": "2026-01-01 00:00:00", "ended_at": "2026-01-01 00:00:00"},
        True,
    ),
    ("subscriptions_ended_at_readable", {"ended_at_text": "never"}, False),
    ("subscriptions_period_months_positive", {"period_months": "0"}, False),
    ("subscriptions_price_amount_not_negative", {"price_amount": "0"}, True),
    ("subscriptions_exchange_rate_known", {"has_rate": "false"}, True),
    ("subscriptions_exchange_rate_known", {"has_rate": "false", "price_amount": "1"}, False),
    ("calls_caller_known", {"phone": "+4930123456"}, True),
    ("calls_caller_known", {"phone_text": "anonymous"}, False),
    ("web_events_visitor_present", {"account_id": "7"}, True),
    ("web_events_visitor_present", {}, False),
    ("web_events_event_present", {"event": "Whatever The Site Calls It"}, True),
    ("web_events_event_present", {}, False),
    ("web_events_occurred_at_not_1970", {"occurred_at": "1970-01-01 00:00:00"}, False),
    ("web_events_occurred_at_not_1970", {"occurred_at": "1999-02-01 00:00:00"}, True),
    ("campaigns_campaign_id_present", {}, False),
]


def test_every_status_of_the_seed_is_known():
    (rule,) = [rule for rule in load_rules() if rule.id == "orders_status_known"]
    lines = (
        (Path(__file__).parents[3] / "dbt_project" / "seeds" / "order_statuses.csv")
        .read_text(encoding="utf-8")
        .splitlines()
    )
    assert set(re.findall(r"'([a-z_-]+)'", rule.sql.partition(" in ")[2])) == {line.split(",")[0] for line in lines[1:]}


# First and last name, and which of first name, last name and the warning hold. Anna Null is a person, Test Test is
# none.
NAMES = [
    ("good", "good", (True, True, True)),
    ("good", "doubtful", (True, True, True)),
    ("doubtful", "good", (True, True, False)),
    ("doubtful", "doubtful", (False, False, True)),
    ("bad", "good", (False, True, True)),
    ("good", "bad", (True, False, True)),
    ("doubtful", "bad", (False, False, True)),
    ("bad", "doubtful", (False, False, True)),
    ("bad", "bad", (False, False, True)),
    (None, "doubtful", (True, True, False)),
    ("doubtful", None, (True, True, False)),
    (None, "bad", (True, False, True)),
    (None, "good", (True, True, True)),
]
NAME_RULES = ("customers_first_name_format", "customers_last_name_format", "customers_name_not_doubtful")
CASES += [
    (
        rule,
        (name("first_name", first) if first else {}) | (name("last_name", last) if last else {}),
        passes,
    )
    for first, last, verdicts in NAMES
    for rule, passes in zip(NAME_RULES, verdicts, strict=True)
]
CASES += [
    ("customers_name_not_doubtful", name("full_name", "doubtful"), False),
    ("customers_name_not_doubtful", name("full_name", "good"), True),
]


@pytest.mark.parametrize(("rule_id", "record", "passes"), CASES)
def test_rules_judge_as_their_sentences_say(sql_project, rule_id, record, passes):
    (rule,) = [rule for rule in load_rules() if rule.id == rule_id]
    types = sql_project.columns[rule.entity]
    values = {"loaded_at": T, **record}
    columns = ", ".join(f'CAST({_literal(values.get(name))} AS {kind}) AS "{name}"' for name, kind in types.items())
    with duckdb.connect(":memory:") as con:
        found = con.execute(
            f"SELECT coalesce(({sql_project.condition(rule)}), true) FROM (SELECT {columns})"
        ).fetchall()
    assert found == [(passes,)]


def _literal(value: str | None) -> str:
    return "NULL" if value is None else f"'{value}'"
