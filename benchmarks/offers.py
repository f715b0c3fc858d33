"""`python -m benchmarks.offers`: whether next offers are bought, out of time, beside what is popular.

Offers are built as of a day; then we look who buys one of them within the next `next_offer_days` days. Counted are
customers who had bought before that day and who buy, within these days, an article that is new to them: the hit rate is
the share of them for whom one of five offers is among what they buy. Nobody is counted who buys nothing new, for nobody
could be right about them. Beside it stand three rankings of the same articles (still sold, not owned): by customers of
the last year, by customers of the last `next_offer_days` days, and by the best single pair (highest confidence with a
lift above 1, then popularity).

Settings were chosen on another sample company (seed 11, no run) and on the shop's data as of 2011-06-30, before the
days below were looked at.

    python -m benchmarks.offers
    python -m benchmarks.offers --on "sample of 20,000" big/company.yaml home_big 2026-04-30 --on "real shop" …
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.at_cut import Cut, Place, built_at_cut, measure_and_write

OFFERS = 5
RANKINGS = {
    "offers": "next offers",
    "popular_lately": "popular lately",
    "popular": "popular in a year",
    "best_pair": "best single pair",
}
OWNED = ((1, 2), (3, 5), (6, None))

_SETUP = """
CREATE TEMP TABLE news AS
    SELECT DISTINCT later.customer_id, later.article_id
    FROM later
    LEFT JOIN intermediate.int_customer_articles AS owned USING (customer_id, article_id)
    WHERE later.bought_quantity > 0 AND owned.article_id IS NULL AND later.day <= $last;
CREATE TEMP TABLE people AS
    SELECT customer_id, count(*) AS owned
    FROM intermediate.int_customer_articles
    WHERE customer_id IN (SELECT customer_id FROM news)
    GROUP BY customer_id;
CREATE TEMP TABLE open_articles AS
    SELECT people.customer_id, articles.article_id, articles.customers, articles.customers_lately
    FROM people
    CROSS JOIN intermediate.int_offer_articles AS articles
    ANTI JOIN intermediate.int_customer_articles AS owned
        ON people.customer_id = owned.customer_id AND articles.article_id = owned.article_id;
CREATE TEMP TABLE pairs AS
    SELECT owned.customer_id, followers.article_id, max(followers.confidence) AS confidence
    FROM people
    JOIN intermediate.int_customer_articles AS owned USING (customer_id)
    JOIN intermediate.int_product_followers AS followers ON owned.article_id = followers.because_id
    WHERE followers.because_kind = 'product' AND followers.lift > 1
        AND owned.last_kept_on > $memory
    GROUP BY ALL;
CREATE TEMP TABLE ranked AS
    SELECT 'popular' AS ranking, customer_id, article_id,
        row_number() OVER (PARTITION BY customer_id ORDER BY customers DESC, article_id) AS rank
    FROM open_articles
    UNION ALL
    SELECT 'popular_lately', customer_id, article_id,
        row_number() OVER (PARTITION BY customer_id ORDER BY customers_lately DESC, customers DESC, article_id)
    FROM open_articles
    UNION ALL
    SELECT 'best_pair', customer_id, article_id,
        row_number() OVER (
            PARTITION BY customer_id ORDER BY confidence DESC NULLS LAST, customers DESC, article_id
        )
    FROM open_articles LEFT JOIN pairs USING (customer_id, article_id)
    UNION ALL
    SELECT 'offers', customer_id, article_id, rank
    FROM marts.next_offers JOIN intermediate.int_product_articles USING (product_id)
    WHERE customer_id IN (SELECT customer_id FROM people);
CREATE TEMP TABLE hits AS
    SELECT people.customer_id, people.owned, names.ranking,
        coalesce(max(CASE WHEN news.article_id IS NOT NULL THEN 1 ELSE 0 END), 0) AS hit
    FROM people
    CROSS JOIN (SELECT DISTINCT ranking FROM ranked) AS names
    LEFT JOIN ranked
        ON people.customer_id = ranked.customer_id AND names.ranking = ranked.ranking AND ranked.rank <= $offers
    LEFT JOIN news ON ranked.customer_id = news.customer_id AND ranked.article_id = news.article_id
    GROUP BY ALL;
"""


def main() -> None:
    """Measure, print and write `results/offers.md` and `.json`."""
    says = __doc__.splitlines()[0]
    measure_and_write("offers", says, lambda there: [measured(place) for place in there], as_markdown)


def measured(place: Place) -> dict[str, Any]:
    """Hit rates of one place: in all, by what people own, and how often offers of a score are bought."""
    with tempfile.TemporaryDirectory(prefix="regulars-offers-") as folder:
        cut = built_at_cut(place, Path(folder), horizon=60)
        try:
            return {"place": place.label, "cut": cut.day.isoformat(), **_rates(cut)}
        finally:
            cut.con.close()


def _rates(cut: Cut) -> dict[str, Any]:
    thresholds = cut.company.thresholds
    con = cut.con
    days = thresholds.next_offer_days
    given = {
        "last": f"DATE '{cut.day}' + {days}",
        "memory": f"DATE '{cut.day}' - {thresholds.next_offer_memory_days}",
        "offers": str(OFFERS),
    }
    sql = _SETUP
    for name, value in given.items():
        sql = sql.replace(f"${name}", value)
    con.execute(sql)
    by_owned = [_of_owned(cut, least, most) for least, most in OWNED]
    return {
        "days": days,
        "people": _one("SELECT count(*) FROM people", cut),
        "articles": _one("SELECT count(*) FROM intermediate.int_offer_articles", cut),
        "rates": {one: _one(f"SELECT avg(hit) FROM hits WHERE ranking = '{one}'", cut) for one in RANKINGS},
        "against": {one: _difference(cut, one) for one in RANKINGS if one != "offers"},
        "by_owned": by_owned,
        "scores": _scores(cut, days),
        "with_reason": _one(
            "SELECT avg(CASE WHEN reason_kind = 'popular' THEN 0.0 ELSE 1 END) FROM marts.next_offers "
            "WHERE customer_id IN (SELECT customer_id FROM people)",
            cut,
        ),
    }


def _of_owned(cut: Cut, least: int, most: int | None) -> dict[str, Any]:
    """Hit rates of those who own so many articles."""
    within = f"owned >= {least}" + ("" if most is None else f" AND owned <= {most}")
    return {
        "owned": f"{least} and more" if most is None else f"{least} to {most}",
        "people": _one(f"SELECT count(*) FROM people WHERE {within}", cut),
        **{one: _one(f"SELECT avg(hit) FROM hits WHERE ranking = '{one}' AND {within}", cut) for one in RANKINGS},
    }


def _one(query: str, cut: Cut) -> float:
    [(value,)] = cut.con.sql(query).fetchall()
    return 0.0 if value is None else float(value)


def _difference(cut: Cut, other: str) -> list[float]:
    """How much higher our hit rate is than another's, with the ends of the 95 % interval, paired by customer."""
    [(mean, spread, count)] = cut.con.sql(
        "SELECT avg(ours.hit - theirs.hit), stddev_samp(ours.hit - theirs.hit), count(*) "
        "FROM hits AS ours JOIN hits AS theirs USING (customer_id) "
        f"WHERE ours.ranking = 'offers' AND theirs.ranking = '{other}'"
    ).fetchall()
    if not count:
        return [0.0, 0.0, 0.0]
    half = 1.96 * (spread or 0.0) / math.sqrt(count)
    return [mean, mean - half, mean + half]


def _scores(cut: Cut, days: int) -> list[list[float]]:
    """Fifths of all offers by score: mean score, share bought, of those customers who buy anything within the days."""
    rows = cut.con.sql(f"""
        WITH offered AS (
            SELECT score, news.article_id IS NOT NULL AS is_bought,
                ntile(5) OVER (ORDER BY score, offers.customer_id, rank) AS fifth
            FROM marts.next_offers AS offers
            JOIN intermediate.int_product_articles AS articles USING (product_id)
            LEFT JOIN news ON offers.customer_id = news.customer_id AND articles.article_id = news.article_id
            WHERE offers.customer_id IN (
                SELECT later.customer_id FROM later
                JOIN intermediate.int_customer_articles AS owned USING (customer_id)
                WHERE later.bought_quantity > 0 AND later.day <= DATE '{cut.day}' + {days}
            )
        )
        SELECT avg(score), avg(CASE WHEN is_bought THEN 1.0 ELSE 0 END), count(*)
        FROM offered GROUP BY fifth ORDER BY fifth
    """).fetchall()
    return [[float(value) for value in row] for row in rows]


def _verdict(place: dict[str, Any]) -> str:
    mean, least, _ = min(place["against"]["popular_lately"], place["against"]["popular"])
    if least > 0:
        return "met"
    return "better, but within chance" if mean > 0 else "**missed**"


def as_markdown(record: dict[str, Any]) -> str:
    """The results as tables, with the measure: better than popularity."""
    versions = ", ".join(f"{key} {value}" for key, value in record["machine"].items())
    lines = [
        "# Next offers, out of time",
        "",
        f"{record['date']}, {versions}. `python -m benchmarks.offers`, which says what is counted.",
        "",
        "Hit rate at 5: of the customers who buy something new to them, those who buy one of five offers. The sample",
        "companies are made up ([docs/sample-company.md](../../docs/sample-company.md)): what people take there",
        "depends on where and for how much they shop, and on favourites that nobody can foresee. No article leads to",
        "others.",
        "",
        "| company | as of | customers | articles | " + " | ".join(RANKINGS.values()) + " |",
        "| --- | --- | ---: | ---: |" + " ---: |" * len(RANKINGS),
    ]
    lines += [
        f"| {place['place']} | {place['cut']} | {place['people']:,.0f} | {place['articles']:,.0f} | "
        + " | ".join(f"{place['rates'][one]:.3f}" for one in RANKINGS)
        + " |"
        for place in record["places"]
    ]
    lines += [
        "",
        "The measure is to be better than popularity: than the better of the two ways to count it.",
        "",
        "| company | than popular lately | than popular in a year | than the best single pair | measure |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    lines += [
        f"| {place['place']} | "
        + " | ".join("{:+.3f} ({:+.3f} to {:+.3f})".format(*place["against"][one]) for one in list(RANKINGS)[1:])
        + f" | {_verdict(place)} |"
        for place in record["places"]
    ]
    lines += [
        "",
        "Differences of hit rates, in brackets the 95 % interval, paired by customer.",
        "",
        "By the number of articles that a customer owns:",
        "",
        "| company | owned | customers | " + " | ".join(RANKINGS.values()) + " |",
        "| --- | --- | ---: |" + " ---: |" * len(RANKINGS),
    ]
    lines += [
        f"| {place['place']} | {part['owned']} | {part['people']:,.0f} | "
        + " | ".join(f"{part[one]:.3f}" for one in RANKINGS)
        + " |"
        for place in record["places"]
        for part in place["by_owned"]
    ]
    lines += [
        "",
        "What a score means: offers to customers who bought anything within the days, in fifths by score: mean score →",
        "share bought.",
        "",
        "| company | offers | first | second | third | fourth | fifth |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {place['place']} | {sum(part[2] for part in place['scores']):,.0f} | "
        + " | ".join(f"{score:.3f} → {bought:.3f}" for score, bought, _ in place["scores"])
        + " |"
        for place in record["places"]
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
