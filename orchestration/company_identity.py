"""The section `identity` of a company file: what joins records into customers, and what keeps people apart."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import Field

from orchestration.company_fields import DEFAULTS, Count, Number, Share, Strict, Text, WholeNumber
from orchestration.company_yaml import read_yaml

if TYPE_CHECKING:
    from models.identity.groups import GroupSettings
    from models.identity.probable import ProbableSettings

Identifier = Literal["account", "loyalty_card", "email", "phone", "visitor"]
Separator = Literal["first_name", "birth_date", "account", "loyalty_card", "email", "phone"]


class Guard(Strict):
    """One identifier: how many records and people may share a value, which values never join, what it weighs."""

    max_records: Annotated[WholeNumber, Field(ge=2)] | None = None
    max_people: Count | None = None
    exclude: list[Text] | None = None
    weight: Annotated[Number, Field(gt=0, le=1000)] | None = None


class Probable(Strict):
    """Probable links: from which probability on they join, and what bounds the search."""

    enabled: bool = True
    join_from_probability: Annotated[Number, Field(ge=0.5, le=1)] = 0.95
    max_customer_records: Annotated[WholeNumber, Field(ge=2)] = 100
    max_block_records: Annotated[WholeNumber, Field(ge=2, le=1000)] = 40
    always_train_below_records: Annotated[WholeNumber, Field(ge=0)] = 100_000
    retrain_growth: Share = 0.10

    def settings(self) -> ProbableSettings:
        """The settings as the search takes them."""
        from models.identity.probable import ProbableSettings

        return ProbableSettings(self.max_block_records, self.always_train_below_records, self.retrain_growth)


class Groups(Strict):
    """From what size on something that customers have in common makes no household and no company any more."""

    large_building_customers: Count = 12
    max_customers_per_address: Count = 60
    max_customers_per_name: Count = 10
    max_customers_per_phone: Count = 6
    max_names_per_domain: Count = 5
    max_customers_per_domain: Count = 200
    max_customers_per_naming: Count = 20

    def settings(self) -> GroupSettings:
        """The settings as the search takes them."""
        from models.identity.groups import GroupSettings

        return GroupSettings(**self.model_dump())


class IdentitySettings(Strict):
    """What joins records into customers. A value shared by more records than its limit joins nobody."""

    identifiers: Annotated[list[Identifier], Field(min_length=1, default_factory=lambda: list(get_args(Identifier)))]
    max_records_per_value: Annotated[WholeNumber, Field(ge=2)] = 50
    guards: dict[Identifier, Guard] = Field(default_factory=dict)
    separates: Annotated[list[Separator], Field(default_factory=lambda: ["first_name", "birth_date"])]
    probable: Probable = Probable()
    groups: Groups = Groups()

    def guard(self, kind: Identifier) -> Guard:
        """The guard of an identifier, with what the company does not say filled in."""
        said = self.guards.get(kind, Guard()).model_dump(exclude_none=True)
        return Guard.model_validate({"max_records": self.max_records_per_value, **_usual().get(kind, {}), **said})

    def limits(self) -> dict[str, Any]:
        """What `models.identity.resolve` is told of identifiers."""
        guards = {kind: self.guard(kind) for kind in self.identifiers}
        return {
            "kinds": list(self.identifiers),
            "max_records_per_value": {kind: guard.max_records for kind, guard in guards.items()},
            "max_people_per_value": {
                kind: guard.max_people for kind, guard in guards.items() if guard.max_people is not None
            },
            "excluded_values": {kind: guard.exclude or [] for kind, guard in guards.items()},
            "weights": {kind: guard.weight for kind, guard in guards.items() if guard.weight is not None},
        }


@cache
def _usual() -> dict[str, dict[str, Any]]:
    """The guards of a company that says nothing."""
    data: dict[str, dict[str, Any]] = read_yaml(DEFAULTS / "identity.yaml").data
    return data
