{#-
  An ISO text that ends in an offset ('2024-05-01T10:00:00+02:00', '… UTC', '…Z') as a UTC timestamp; null when it is no
  point in time (30 February). The text must have its offset: without one the session's zone would be assumed.
-#}
{% macro offset_text_to_utc(expression) -%}
    {{ return(adapter.dispatch('offset_text_to_utc', 'regulars')(expression)) }}
{%- endmacro %}

{% macro duckdb__offset_text_to_utc(expression) -%}
    {%- set plain = "replace(replace(" ~ expression ~ ", ' ', 'T'), 'UTC', 'Z')" -%}
    (
        try_cast(replace(replace(replace({{ plain }}, 'TZ', 'Z'), 'T+', '+'), 'T-', '-') as timestamp with time zone)
        at time zone 'UTC'
    )
{%- endmacro %}

{#- Spark wants seconds before an offset. -#}
{% macro spark__offset_text_to_utc(expression) -%}
    {%- set plain = "replace(replace(" ~ expression ~ ", ' ', 'T'), 'UTC', 'Z')" -%}
    {%- set plain = "replace(replace(replace(" ~ plain ~ ", 'TZ', 'Z'), 'T+', '+'), 'T-', '-')" -%}
    {{ regulars.iso_text_to_timestamp(
        "regexp_replace(" ~ plain ~ ", '^(.{10}T[0-9]{2}:[0-9]{2})([Z+-])', '$1:00$2')"
    ) }}
{%- endmacro %}
