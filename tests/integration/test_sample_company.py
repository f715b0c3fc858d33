"""The sample company through a whole run: what the marts say is compared with the truth that was written beside it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from helpers import without_event_log
from published_tables import balance, rows

from expectations.catalogue import load_rules
from orchestration import pipeline
from orchestration.company import load_company
from orchestration.home import Home
from sources.entities import ENTITIES
from sources.sample.company_file import company_text
from sources.sample.generator import generate

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Home]:
    """The exports of a company of 200 people, and the home after one run on them."""
    folder = tmp_path_factory.mktemp("sample") / "company"
    generate(folder, customers=200, seed=5)
    home = Home(folder.parent / "home")
    with without_event_log():
        report = pipeline.run(load_company(folder / "company.yaml"), home)
    assert report.outcome == "published", report
    return folder, home


def truth(folder: Path, table: str) -> pl.DataFrame:
    return pl.read_parquet(folder / "truth" / f"{table}.parquet")


def test_the_demo_is_the_sample_company() -> None:
    assert (ROOT / "company.yaml").read_text("utf-8") == company_text("2026-12-31", "data/bakehouse/")


def test_every_record_is_accounted_for(sample: tuple[Path, Home]) -> None:
    found = balance(sample[1].published_file)
    assert len({source for source, _ in found}) == 13
    assert {key: counts for key, counts in found.items() if counts[0] != sum(counts[1:])} == {}


def test_every_error_is_found_by_the_rule_that_it_breaks(sample: tuple[Path, Home]) -> None:
    """As many records as the truth says, however often each came; consents are made from records counted there."""
    folder, home = sample
    hard = {rule.id for rule in load_rules() if rule.severity != "warning"}
    found: dict[tuple[str, str, str], set[str]] = {}
    for entity in set(ENTITIES) - {"consents", "exchange_rates"}:
        failed = (
            f"SELECT source, failed_rules, record_key FROM staging.stg_all__{entity} WHERE failed_rules IS NOT NULL"
        )
        for source, rules, key in rows(home.warehouse, failed):
            for rule in set(rules.split(", ")) & hard:
                found.setdefault((source, entity, rule), set()).add(key)
    place = pl.concat_str("file", pl.col("row_number").cast(pl.String), separator="|")
    made = (
        truth(folder, "errors")
        .filter(pl.col("rule").is_in(sorted(hard)))
        .with_columns(pl.coalesce("record_key", place).alias("record"))
    )
    counted = made.group_by("source", "entity", "rule").agg(pl.col("record").n_unique())
    assert counted.height > 40
    assert {key: len(records) for key, records in found.items()} == {
        (source, entity, rule): count for source, entity, rule, count in counted.iter_rows()
    }


def test_orders_and_their_amounts_are_those_that_were_placed(sample: tuple[Path, Home]) -> None:
    folder, home = sample
    placed = truth(folder, "orders").filter(pl.col("is_valid"))
    assert dict(rows(home.published_file, "SELECT source, count(*)::INT FROM marts.fct_orders GROUP BY 1")) == dict(
        placed.group_by("source").len().iter_rows()
    )
    shop = placed.filter((pl.col("source") == "webshop") & (pl.col("wrong_lines") == 0))
    shown = {
        order.split(":")[1]: (float(gross or 0), float(refund or 0))
        for order, gross, refund in rows(
            home.published_file,
            "SELECT order_id, gross_amount, refund_amount FROM marts.fct_orders WHERE source = 'webshop'",
        )
    }
    assert shop.height > 50
    assert {
        order: shown[order]
        for order, gross, refund in shop.select("order_id", "gross_amount", "refund_amount").iter_rows()
        if shown[order] != pytest.approx((float(gross), float(refund or 0)), abs=0.005)
    } == {}


def test_answers_are_those_that_were_given(sample: tuple[Path, Home]) -> None:
    folder, home = sample
    wrong = truth(folder, "errors").filter((pl.col("source") == "survey") & (pl.col("severity") == "record"))
    given = truth(folder, "answers").join(wrong, left_on="response_id", right_on="record_key", how="anti")
    shown = rows(home.published_file, "SELECT response_id, kind, subject, score::INT FROM marts.fct_surveys ORDER BY 1")
    assert shown == [
        (f"survey:{answer}", kind, subject, score)
        for answer, kind, subject, score in given.sort("response_id")
        .select("response_id", "kind", "subject", "score")
        .iter_rows()
    ]
    query = (
        "SELECT subject, count(*), count(CASE subject WHEN 'order' THEN order_id WHEN 'call' THEN call_id "
        "WHEN 'ticket' THEN ticket_id ELSE product_id END) FROM marts.fct_surveys GROUP BY 1 ORDER BY 1"
    )
    found = {subject: (count, known) for subject, count, known in rows(home.published_file, query)}
    assert set(found) == {"order", "call", "ticket", "product"}
    # Some orders, calls and tickets are in quarantine.
    assert all(known > 0.7 * count for count, known in found.values()), found


def test_contracts_were_renewed_as_often_as_they_were(sample: tuple[Path, Home]) -> None:
    """Whoever cancelled did so at the end of the last of his periods: renewed once less than they are."""
    folder, home = sample
    wrong = truth(folder, "errors").filter((pl.col("source") == "boxes") & (pl.col("severity") == "record"))
    drawn = truth(folder, "contracts").join(wrong, left_on="subscription_id", right_on="record_key", how="anti")
    query = "SELECT subscription_id, is_active, renewals::INT FROM marts.fct_subscriptions ORDER BY 1"
    shown = {key.split(":")[1]: (active, renewals) for key, active, renewals in rows(home.published_file, query)}
    assert set(shown) == set(drawn["subscription_id"])
    ended = drawn.filter(pl.col("ends_on") < date(2026, 6, 28))
    assert ended.height > 5
    assert {key: shown[key] for key in ended["subscription_id"]} == {
        key: (False, periods - 1) for key, periods in ended.select("subscription_id", "periods").iter_rows()
    }
    # The newest event, from which all is counted, may be a day or two older than the newest contract.
    running = drawn.filter(pl.col("is_active_at_end") & (pl.col("started_on") < date(2026, 6, 28)))
    assert all(
        shown[key][0] and shown[key][1] < periods
        for key, periods in running.select("subscription_id", "periods").iter_rows()
    )
    unknown = truth(folder, "errors").filter(pl.col("rule").str.starts_with("subscriptions_price_amount"))
    query = "SELECT count(*)::INT FROM marts.fct_subscriptions WHERE price_amount IS NULL"
    assert rows(home.published_file, query) == [(unknown["record_key"].n_unique(),)]


def test_experiments_have_the_people_that_were_dealt_and_nothing_shows_of_a_trial_of_nothing(
    sample: tuple[Path, Home],
) -> None:
    folder, home = sample
    wrong = truth(folder, "errors").filter((pl.col("source") == "trials") & (pl.col("severity") == "record"))
    effects, letter = truth(folder, "campaign_effects"), truth(folder, "letter")
    dealt = (
        pl.concat(
            [
                effects.select(experiment=pl.col("campaign_id"), arm="arm"),
                letter.select(experiment=pl.lit("letter"), arm="arm"),
            ]
        )
        .group_by("experiment", "arm")
        .len()
    )
    query = (
        "SELECT experiment_id, arm, assignments::INT, customers::INT, sample_ratio, is_running, role "
        "FROM marts.experiment_arms"
    )
    arms = {(one.split(":")[1], arm): rest for one, arm, *rest in rows(home.published_file, query)}
    due = {(one, arm): count for one, arm, count in dealt.iter_rows()}
    assert {key for key, count in due.items() if count > 5} <= set(arms) <= set(due)
    assert sum(due.values()) - sum(rest[0] for rest in arms.values()) == wrong.height
    # A few persons became one customer, and stand in two arms or twice in one.
    assert sum(rest[1] for rest in arms.values()) > 0.9 * sum(rest[0] for rest in arms.values())
    assert {rest[3] for rest in arms.values()} == {False}
    assert {key[1]: rest[4] for key, rest in arms.items()} == {
        "hold-out": "holdout", "variant A": "treatment", "variant B": "treatment", "letter": "treatment",
        "no letter": "control",
    }  # fmt: skip
    results = rows(home.published_file, "SELECT experiment_id, arm, outcome, verdict FROM marts.experiment_results")
    found = {(arm, outcome): verdict for one, arm, outcome, verdict in results if one == "trials:letter"}
    assert {outcome for _, outcome in found} == {"visited", "converted", "revenue"}
    assert {verdict for (arm, _), verdict in found.items() if arm == "no letter"} == {"control"}
    assert {verdict for (arm, _), verdict in found.items() if arm == "letter"} <= {"not shown", "too few"}
    # Of so few people, nobody may have come into a hold-out.
    with_hold_out = {f"trials:{one}" for one, arm in arms if arm == "hold-out"}
    clicks = {(one, arm): verdict for one, arm, outcome, verdict in results if outcome == "responded"}
    assert clicks == {
        (one, arm): "control" if arm == "hold-out" else "not compared" if one in with_hold_out else "no control"
        for one, arm in clicks
    }
    assert "not compared" in clicks.values()


def test_customers_stand_with_who_looks_after_them(sample: tuple[Path, Home]) -> None:
    """Files through staging to the marts: of whom no link is spoilt and whom the marts keep apart, all are as drawn."""
    folder, home = sample
    wrong = truth(folder, "errors").filter((pl.col("source") == "office") & (pl.col("entity") == "partner_links"))
    links = pl.read_csv(folder / "partners" / "links.csv", infer_schema=False, truncate_ragged_lines=True)
    spoilt = set(links.join(wrong, left_on="id", right_on="record_key", how="semi")["customer"].drop_nulls())
    drawn = truth(folder, "owners").filter(~pl.col("account_id").is_in(sorted(spoilt)))
    query = (
        "SELECT p.value, h.employee_id, h.is_orphaned, h.is_contested, h.successor_id FROM marts.account_handover AS h "
        "JOIN marts.customer_contact_points AS p USING (customer_id) WHERE p.kind = 'account' AND p.source = 'webshop' "
        "QUALIFY count(*) OVER (PARTITION BY customer_id) = 1"
    )
    shown = {
        account.split(":")[1]: (employee.split(":")[1], alone, contested, successor and successor.split(":")[1])
        for account, employee, alone, contested, successor in rows(home.published_file, query)
    }
    found = {
        account: (employee, alone, contested, successor)
        for account, employee, alone, contested, successor in drawn.select(
            "account_id", "employee", "is_orphaned", "is_contested", "successor"
        ).iter_rows()
        if account in shown
    }
    assert len(found) > 0.5 * drawn.height > 2
    assert {account: (shown[account], one) for account, one in found.items() if shown[account] != one} == {}
    # Nobody counts twice, and within a role nothing is counted that is not there.
    query = (
        "SELECT (SELECT sum(revenue_amount) FROM marts.partner_customers WHERE role = 'account_owner' AND is_counted) "
        "- (SELECT sum(revenue_amount) FROM marts.account_handover WHERE NOT is_orphaned), "
        "(SELECT sum(related_revenue_amount) FROM marts.partner_network WHERE kind = 'supplier') <= "
        "(SELECT sum(net_amount) FROM marts.fct_order_lines WHERE line_kind = 'product' AND NOT is_return)"
    )
    assert rows(home.published_file, query) == [(0, True)]
