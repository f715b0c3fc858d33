"""The survey tool's export of answers: commas, times with an offset, the scale as a word; one file a month."""

from __future__ import annotations

import numpy as np
import polars as pl

from sources.sample import clock, dirt
from sources.sample.desk import Desk
from sources.sample.goods import product_column, product_table
from sources.sample.opinions import AGENTS, CALL, SCALES, Opinions
from sources.sample.people import person_ids
from sources.sample.records import blanked, email_at, phone_at, written_email, written_phone
from sources.sample.shopify import customer_ids
from sources.sample.shopify_orders import order_ids
from sources.sample.text import one_of
from sources.sample.twilio import call_ids
from sources.sample.world import World, order_email
from sources.sample.zendesk import FIRST_AGENT, FIRST_TICKET

SOURCE = "survey"
FIRST_ANSWER = 500_000
HEADER = (
    "response_id,asked_at,answered_at,question,answer,scale,customer,email,phone,order,call,ticket,variant,agent,by"
)
QUESTIONS = ("nps", "csat", "stars")
SUBJECTS = ("order", "call", "ticket", "product")
FUTURE, BEGINNING = "2096-03-01T10:00:00+01:00", "1970-01-01T01:00:00+01:00"
FAULTS = (
    dirt.Fault("no_id", "surveys_response_id_present", "surveys", "id", "response_id", dirt.MISSING, 2),
    dirt.Fault(
        "time_unreadable", "surveys_responded_at_readable", "surveys", "answered", "answered_at",
        dirt.instead("today", "2025-02-30T09:00:00+01:00", "09:15"), 2,
    ),
    dirt.Fault(
        "time_in_future", "surveys_responded_at_not_future", "surveys", "answered", "answered_at", pl.lit(FUTURE), 1,
    ),
    dirt.Fault(
        "time_in_1970", "surveys_responded_at_not_1970", "surveys", "answered", "answered_at", pl.lit(BEGINNING), 1,
        also=(("asked", dirt.MISSING),),
    ),
    dirt.Fault(
        "score_outside_scale", "surveys_score_within_scale", "surveys", "answer", "answer",
        dirt.instead("11", "99", "-1"), 2,
    ),
    dirt.Fault(
        "score_no_number", "surveys_score_readable", "surveys", "answer", "answer",
        dirt.instead("very good", "n/a", "*****"), 2,
    ),
    dirt.Fault("scale_unreadable", "surveys_scale_readable", "surveys", "scale", "scale", pl.lit("low-high"), 0.5),
    dirt.Fault(
        "email_unusable", "surveys_email_format", "surveys", "email", "email", dirt.broken_email("email"), 2, "field",
        pl.col("email").is_not_null(),
    ),
    dirt.Fault(
        "phone_unusable", "surveys_phone_format", "surveys", "phone", "phone", dirt.broken_phone(), 1, "field",
        pl.col("phone").is_not_null(),
    ),
)  # fmt: skip


def write_answers(desk: Desk, world: World, opinions: Opinions) -> pl.DataFrame:
    """Write the answers, one file a month; return person and source_record_id of those that say who answered."""
    rng = desk.rng(101)
    frame, known = _columns(rng, world, opinions.answers)
    names, starts = desk.periods(frame.height)
    month = np.searchsorted(starts, opinions.answers["responded_at"].to_numpy(), side="right") - 1
    carried = dirt.Carried()
    for place, name in enumerate(names):
        file = f"survey/answers-{name}.csv"
        part, errors = dirt.spoil(rng, frame.filter(pl.Series(month == place)), FAULTS, desk.invalid_share, "id_was")
        slim = part.with_columns(_text=_line()).select("id_was", "_text", "_fault")
        placed = dirt.place(rng, slim, carried, file, later=place < len(names) - 1)
        dirt.note_all(desk, SOURCE, "answers", file, placed, [errors], "surveys", "id_was")
        desk.write(file, placed["_text"], header=HEADER)
    return known


def answer_ids(rows: np.ndarray) -> pl.Series:
    """The tool's number of each answer."""
    return "R" + pl.Series(FIRST_ANSWER + rows.astype(np.int64)).cast(pl.String)


def agent_ids(agent: pl.Expr) -> pl.Expr:
    """The number of an agent, the desk's own; null below 0."""
    return pl.when(agent >= 0).then((agent.cast(pl.Int64) + FIRST_AGENT).cast(pl.String))


def _columns(rng: np.random.Generator, world: World, answers: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The columns of the file, and whose each reference is."""
    count, person, order = answers.height, answers["person"].to_numpy(), answers["order"].to_numpy()
    at, named = answers["responded_at"].to_numpy(), answers["named"].to_numpy()
    by_text = (answers["subject"] == CALL).to_numpy()
    ordered = order_email(world, np.maximum(order, 0)) if world.orders.height else email_at(world.people, person, at)
    usual = pl.DataFrame({"o": ordered, "u": email_at(world.people, person, at), "has": order >= 0})
    other = named & answers["other_address"].to_numpy() & ~by_text
    email = usual.select(pl.when("has").then("o").otherwise("u")).to_series()
    email = pl.DataFrame({"e": email, "x": world.people.email_2.gather(person), "other": other}).select(
        pl.when("other").then("x").otherwise("e")
    ).to_series()  # fmt: skip
    email = blanked(email, named & ~by_text)
    phone = blanked(phone_at(world.people, person, at), named & by_text)
    # Every other mail carries the shop's number of whoever has an account.
    account = np.where(order >= 0, world.orders["account"].to_numpy()[order], -1)
    account = np.where(named & ~other & (rng.random(count) < 0.5), account, -1)
    reference = pl.DataFrame({"a": customer_ids(account), "e": email, "p": phone, "person": person}).select(
        "person", source_record_id=pl.coalesce("account:" + pl.col("a"), "email:" + pl.col("e"), "phone:" + pl.col("p"))
    )
    ids = answer_ids(np.arange(count))
    scale = [f"{least}-{most}" for _, _, least, most in SCALES]
    frame = answers.select(
        "ticket",
        id=ids,
        id_was=ids,
        asked=clock.offset_text(pl.col("asked_at")),
        answered=clock.offset_text(pl.col("responded_at")),
        question=one_of(QUESTIONS, pl.col("kind")),
        answer=pl.col("score").cast(pl.String),
        scale=one_of(scale, pl.col("kind")),
        customer=customer_ids(account),
        email=written_email(rng, email, 0.08),
        phone=written_phone(rng, phone),
        order_id=pl.when(pl.col("order") >= 0).then(order_ids(order)),
        call_id=pl.when(pl.col("call") >= 0).then(call_ids(answers["call"].to_numpy())),
        ticket_id=pl.when(pl.col("ticket") >= 0).then((pl.col("ticket").cast(pl.Int64) + FIRST_TICKET).cast(pl.String)),
        variant=pl.when(pl.col("product") >= 0).then(product_column("variant_id", answers["product"].to_numpy())),
        agent=agent_ids(pl.col("agent")),
        by=pl.Series(np.where(by_text, "sms", "email")),
    )
    return frame, reference.drop_nulls()


def _line() -> pl.Expr:
    columns = (
        "id", "asked", "answered", "question", "answer", "scale", "customer", "email", "phone", "order_id", "call_id",
        "ticket_id", "variant", "agent", "by",
    )  # fmt: skip
    return pl.concat_str([pl.col(name).fill_null("") for name in columns], separator=",")


def answer_truth(opinions: Opinions) -> pl.DataFrame:
    """One row per answer: who gave it, and what it is made of."""
    answers = opinions.answers
    return answers.select(
        response_id=answer_ids(np.arange(answers.height)),
        person_id=person_ids(answers["person"]),
        is_anonymous=~pl.col("named"),
        kind=one_of(("nps", "csat", "rating"), pl.col("kind")),
        subject=one_of(SUBJECTS, pl.col("subject")),
        own_level=pl.Series(opinions.level[answers["person"].to_numpy()]),
        service_effect="service",
        quality_effect="quality",
        expected_score="expected",
        score="score",
        responded_at=clock.utc(pl.col("responded_at")),
    )


def satisfaction_truth(opinions: Opinions) -> pl.DataFrame:
    """What each person, agent and product adds to opinions."""
    parts = {
        "person": (person_ids(np.arange(len(opinions.level))), opinions.level),
        "agent": (pl.Series(np.arange(AGENTS) + FIRST_AGENT).cast(pl.String), opinions.agents),
        "product": (product_table()["variant_id"].head(len(opinions.products)), opinions.products),
    }
    return pl.concat(
        pl.DataFrame({"kind": pl.Series([kind] * len(ids), dtype=pl.String), "id": ids, "effect": effect})
        for kind, (ids, effect) in parts.items()
    )
