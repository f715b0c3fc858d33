"""What people are told when dbt fails."""

from orchestration.dbt import _without_values


def test_messages_about_data_lose_the_values():
    words = "Runtime Error: Conversion Error: Could not convert string 'ann@example.com' to INT32"
    assert _without_values(words) == "Runtime Error: Conversion Error: Could not convert string '…' to INT32"


def test_messages_about_sql_keep_their_names():
    words = "Runtime Error: Binder Error: Referenced column \"colour\" not found, near 'fct_orders'"
    assert _without_values(words) == words
