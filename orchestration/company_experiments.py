"""The section `experiments` of a company file: what the assignments themselves do not say of an experiment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from orchestration.company_errors import CompanyProblem, one_of, show
from orchestration.company_fields import Count, Number, Share, Strict, Text

Outcome = Literal["visited", "responded", "converted", "revenue"]

# Shares such as 0.33, 0.33 and 0.33 add up to nearly one.
_ROUNDING = 0.02


class Experiment(Strict):
    """One experiment, by the id that it has in the marts: source, colon and the id in the source's own words.

    What is left out is taken from the assignments (control, shares) or from the thresholds (window_days, alpha).
    """

    id: Annotated[Text, Field(pattern=r"^[a-z][a-z0-9_]*:.+$")]
    name: Text | None = None
    control: Text | None = None
    shares: dict[Text, Share] = Field(default_factory=dict)
    outcomes: Annotated[list[Outcome], Field(min_length=1)] | None = None
    window_days: Count | None = None
    alpha: Annotated[Number, Field(gt=0, le=0.5)] | None = None
    assigned_until: date | None = None


def experiment_problems(
    data: dict[Any, Any], problem: Callable[[tuple[Any, ...], str, str], CompanyProblem]
) -> Iterator[CompanyProblem]:
    """Ids that come twice or are of no source of the file; shares that do not add up, or leave the control out."""
    experiments, sources = data.get("experiments"), data.get("sources")
    known = {str(name) for name in sources} if isinstance(sources, dict) else set()
    seen: set[str] = set()
    for index, one in enumerate(experiments if isinstance(experiments, list) else ()):
        if not isinstance(one, dict):
            continue
        place: tuple[Any, ...] = ("experiments", index)
        identity, shares, control = one.get("id"), one.get("shares"), one.get("control")
        if isinstance(identity, str):
            if identity in seen:
                yield problem((*place, "id"), f"the experiment `{identity}` twice", "each experiment once")
            seen.add(identity)
            source, colon, _ = identity.partition(":")
            if colon and source not in known:
                allowed = f"the name of a source of this file before the colon: {one_of(source, known)}"
                yield problem((*place, "id"), show((*place, "id"), identity), allowed)
        if not isinstance(shares, dict) or not shares:
            continue
        numbers = [share for share in shares.values() if isinstance(share, int | float) and not isinstance(share, bool)]
        if len(numbers) == len(shares) and abs(sum(numbers) - 1) > _ROUNDING:
            allowed = "the shares of all arms, which add up to 1"
            yield problem((*place, "shares"), f"shares that add up to {sum(numbers):g}", allowed)
        if control is not None and str(control) not in {str(arm) for arm in shares}:
            allowed = f"an arm that has a share: {one_of(str(control), {str(arm) for arm in shares})}"
            yield problem((*place, "control"), show((*place, "control"), str(control)), allowed)
