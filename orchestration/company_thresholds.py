"""The company's thresholds: numbers that the SQL reads, each with its default."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orchestration.company_fields import Count, Number, Share, Strict, WholeNumber


class Thresholds(Strict):
    """Numbers and choices behind the marts; each is a dbt variable of the same name under `thresholds`."""

    session_timeout_minutes: Count = 30
    session_ends_on_new_campaign: bool = True
    session_ends_at_midnight: bool = False
    session_trusts_tracker: bool = False
    attribution_window_days: Count = 7
    attribution_model: Literal["first", "last", "linear", "position", "time_decay"] = "last"
    attribution_first_share: Annotated[Number, Field(ge=0, le=1)] = 0.40
    attribution_last_share: Annotated[Number, Field(ge=0, le=1)] = 0.40
    attribution_half_life_days: Annotated[Number, Field(gt=0, le=3650)] = 7
    attribution_merge_minutes: Annotated[WholeNumber, Field(ge=0)] = 30
    response_days: Count = 7
    contact_pressure_weeks: Count = 52
    kpi_history_days: Count = 31
    key_customer_share: Share = 0.20
    regular_months: Count = 3
    segment_history_months: Count = 12
    finding_min_customers: Count = 30
    finding_standard_errors: Annotated[Number, Field(gt=0)] = 2.6
    churn_days: Count = 180
    churn_reasons: Count = 3
    forecast_coverage: Annotated[Number, Field(gt=0, lt=1)] = 0.80
    next_offers: Count = 5
    next_offer_days: Count = 60
    next_offer_memory_days: Count = 365
    next_offer_min_customers: Count = 5
    next_offer_prior_customers: Count = 5
    next_offer_evidence: Count = 20
    next_offer_followers: Count = 20
    replenishment_intervals: Count = 10
    replenishment_prior_intervals: Count = 1
    replenishment_prior_doublings: Count = 40
    replenishment_prior_forecasts: Count = 20
    replenishment_occasion_factor: Count = 3
    replenishment_min_customers: Count = 5
    replenishment_rebuy_share: Share = 0.50
    replenishment_near_share: Share = 0.20
    replenishment_gone_after: Count = 3
    replenishment_longest_days: Count = 730
    contact_merge_minutes: Count = 30
    goal_forecast_days: Count = 90
    goal_forecast_min_days: Annotated[WholeNumber, Field(ge=2)] = 14
    goal_forecast_z: Annotated[Number, Field(gt=0, le=5)] = 1.5
    goal_forecast_trend_errors: Annotated[Number, Field(ge=0, le=10)] = 2
    goal_forecast_damping: Annotated[Number, Field(ge=0, lt=1)] = 0.99
    satisfaction_prior_answers: Count = 2
    satisfaction_min_answers: Count = 5
    open_rate_prior_mails: Count = 5
    journey_path_channels: Count = 5
    confidence_z: Annotated[Number, Field(gt=0, le=5)] = 1.96
    discount_rate: Annotated[Number, Field(ge=0, lt=1)] = 0.10
    horizon_months: Count = 12
    exchange_rate_days: Count = 7
    experiment_window_days: Count = 14
    experiment_alpha: Annotated[Number, Field(gt=0, le=0.5)] = 0.05
    experiment_sample_ratio_alpha: Annotated[Number, Field(gt=0, le=0.5)] = 0.001
    experiment_min_customers: Annotated[WholeNumber, Field(ge=2)] = 30
    experiment_min_expected: Count = 5
    experiment_min_amounts: Count = 30
    experiment_power: Annotated[Number, Field(gt=0, lt=1)] = 0.80
    handover_days: Count = 30
    handover_complaint_days: Count = 90
    handover_churn_risk: Share = 0.50
