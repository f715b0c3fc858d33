{#-
  A wall-clock timestamp of a time zone as a UTC timestamp. Null when either is null; an unknown zone is an error,
  because every row of the source would be wrong.
  DuckDB (ICU) reads the hour that a clock change repeats as its second pass (standard time), and moves a time inside
  the skipped hour forward by that hour. Another engine must do the same here, or the same record would get two times.
-#}
{% macro local_to_utc(timestamp_expression, time_zone_expression) -%}
    {{ return(adapter.dispatch('local_to_utc', 'regulars')(timestamp_expression, time_zone_expression)) }}
{%- endmacro %}

{% macro duckdb__local_to_utc(timestamp_expression, time_zone_expression) -%}
    (({{ timestamp_expression }}) at time zone ({{ time_zone_expression }}) at time zone 'UTC')
{%- endmacro %}

{#- Java reads a repeated hour as its first pass. The second pass is what the clock's setting a day later makes of it;
    it counts only where that reading shows the same wall clock again. transform() gives the timestamp a name: written
    out each time, it would be worked out each time. -#}
{% macro spark__local_to_utc(timestamp_expression, time_zone_expression) -%}
    {%- set zone = '(' ~ time_zone_expression ~ ')' -%}
    {%- set second_pass = "to_utc_timestamp(wall + interval '1' day, " ~ zone ~ ") - interval '1' day" -%}
    transform(
        array({{ timestamp_expression }}),
        wall -> case
            when from_utc_timestamp({{ second_pass }}, {{ zone }}) = wall then {{ second_pass }}
            else to_utc_timestamp(wall, {{ zone }})
        end
    )[0]
{%- endmacro %}
