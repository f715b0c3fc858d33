"""The section `anomalies` of a company file: how strictly days of a source are compared with its past."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from orchestration.company_errors import CompanyProblem, one_of, show
from orchestration.company_fields import Number, Strict, WholeNumber

if TYPE_CHECKING:
    from expectations.anomalies import AnomalySettings

# The kinds of expectations.anomalies, spelt here because importing that takes NumPy and SciPy along.
AnomalyKind = Literal["volume", "freshness", "null_share", "new_category", "distribution"]


class AnomalyWatch(Strict):
    """False alarms a source may raise in a month, weeks that count, and what is not looked for, by source."""

    false_alarms_per_month: Annotated[Number, Field(gt=0, le=5)] = 0.1
    look_back_weeks: Annotated[WholeNumber, Field(ge=4, le=26)] = 8
    minimum_weeks: Annotated[WholeNumber, Field(ge=4, le=26)] = 4
    off: dict[str, list[AnomalyKind | Literal["all"]]] = Field(default_factory=dict)

    def settings(self) -> AnomalySettings:
        """The settings as the search takes them."""
        from expectations.anomalies import KINDS, AnomalySettings

        return AnomalySettings(
            false_alarms_per_month=self.false_alarms_per_month,
            look_back_weeks=self.look_back_weeks,
            minimum_weeks=self.minimum_weeks,
            off={
                source: frozenset(KINDS if "all" in kinds else (kind for kind in KINDS if kind in kinds))
                for source, kinds in self.off.items()
            },
        )


def anomaly_problems(
    data: dict[Any, Any], problem: Callable[[tuple[Any, ...], str, str], CompanyProblem]
) -> Iterator[CompanyProblem]:
    """Sources under `anomalies.off` that the file does not have."""
    section, sources = data.get("anomalies"), data.get("sources")
    off = section.get("off") if isinstance(section, dict) else None
    known = {str(name) for name in sources} if isinstance(sources, dict) else set()
    for name in off if isinstance(off, dict) else ():
        if str(name) not in known:
            place = ("anomalies", "off", name)
            yield problem(place, show(place, str(name)), f"a source of this file: {one_of(str(name), known)}")
