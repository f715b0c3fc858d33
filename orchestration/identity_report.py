"""What a run says of identity: notices for people who can act, and Splink's charts of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestration.report import Problem

if TYPE_CHECKING:
    from models.identity.training import Model
    from orchestration.company import Company
    from orchestration.home import Home
    from orchestration.identity import Identified

# So many groups of stopped values are told one by one; the rest is in the mart.
_TOLD = 5


def notices(found: Identified) -> list[Problem]:
    """What somebody may want to act on: values that join nobody any more, and decisions that could not be followed.

    Values over a limit are told, excluded ones are not: somebody has decided about those.
    """
    import polars as pl

    over = found.result.report.blocked_values.filter(pl.col("reason") != "excluded")
    told = [
        _notice(
            f"One {kind.replace('_', ' ')} is carried by {records:,} records"
            + (f" of {people:,} people" if people else "")
            + "; it joins nobody any more.",
            f"If these really are one person, raise identity.guards.{kind} in the company file.",
        )
        for kind, records, people in over.select("kind", "records", "people").head(_TOLD).iter_rows()
    ]
    if over.height > _TOLD:
        told.append(
            _notice(
                f"{over.height - _TOLD:,} more identifier values are shared by too many and join nobody.",
                "All of them are in marts.identity_blocked_values.",
            )
        )
    unheard = found.result.decisions.filter(pl.col("status") != "applied")
    told += [
        _notice(f"The decision {decision} could not be followed: {note}.", "See regulars identity decisions.")
        for decision, note in unheard.select("decision_id", "note").iter_rows()
    ]
    return told


def _notice(what: str, todo: str) -> Problem:
    return Problem(source="identity", what=what, todo=todo, is_failure=False)


def write_charts(home: Home, company: Company, found: Identified) -> None:
    """Write Splink's charts of the model as HTML beside the Data Docs, whenever it was trained anew.

    They open offline. Nothing of a record stands in them: levels, weights and probabilities only.
    """
    if found.probable is None or found.probable.model is None or not found.probable.is_trained:
        return
    from orchestration.home import write_atomically

    folder = home.identity_charts
    folder.mkdir(parents=True, exist_ok=True)
    for name, chart in _charts(company, found.probable.model).items():
        write_atomically(folder / f"{name}.html", chart)


def _charts(company: Company, model: Model) -> dict[str, str]:
    from models.identity.profiles import PREPARED_SCHEMA
    from models.identity.scoring import load_compared, load_records
    from models.identity.training import linker, settings
    from orchestration.identity import work_space

    with work_space(company) as con:
        load_records(con, PREPARED_SCHEMA.to_frame())
        load_compared(con)
        charts: Any = linker(con, "compared", settings(model)).visualisations
        return {
            "match_weights": charts.match_weights_chart().to_html(inline=True),
            "probabilities": charts.m_u_parameters_chart().to_html(inline=True),
        }
