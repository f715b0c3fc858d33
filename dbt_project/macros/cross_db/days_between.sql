{#-
  Whole calendar days from one date to a later one, negative when the order is reversed. Both must be dates: on
  timestamps engines disagree whether they count midnights or spans of 24 hours. Null when either is null.
-#}
{% macro days_between(first_date, last_date) -%}
    {{ return(adapter.dispatch('days_between', 'regulars')(first_date, last_date)) }}
{%- endmacro %}

{% macro duckdb__days_between(first_date, last_date) -%}
    date_diff('day', {{ first_date }}, {{ last_date }})
{%- endmacro %}

{% macro spark__days_between(first_date, last_date) -%}
    datediff({{ last_date }}, {{ first_date }})
{%- endmacro %}
