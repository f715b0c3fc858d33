"""Whether a day of a source looks like its past: volume, freshness, null shares, new values, distributions.

Frames in, frames out: `judge` takes daily profiles (the dbt model `daily_profiles`) and returns what is out of line. It
reads nothing and writes nothing. docs/anomalies.md says in words what is compared.
"""

from expectations.anomalies.days import Span, spans_to_judge
from expectations.anomalies.judge import FINDINGS, PROFILES, judge
from expectations.anomalies.settings import KINDS, AnomalySettings, Kind

__all__ = [
    "FINDINGS",
    "KINDS",
    "PROFILES",
    "AnomalySettings",
    "Kind",
    "Span",
    "judge",
    "spans_to_judge",
]
