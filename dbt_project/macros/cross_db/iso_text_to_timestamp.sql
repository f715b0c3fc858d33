{#-
  An ISO text ('2024-05-01', '2024-05-01T10:00', '… 10:00:00.123456789': what follows the microseconds is dropped) as
  a timestamp, its wall clock as it is; 24:00 is the midnight after. Null when it is no point in time (30 February).
-#}
{% macro iso_text_to_timestamp(expression) -%}
    {{ return(adapter.dispatch('iso_text_to_timestamp', 'regulars')(expression)) }}
{%- endmacro %}

{% macro default__iso_text_to_timestamp(expression) -%}
    {{ regulars.try_cast_text(expression, 'timestamp') }}
{%- endmacro %}

{#- Spark knows no 24:00: it is read as 00:00 and a day added. transform() gives the text a name: written out each
    time, it would be worked out each time. -#}
{% macro spark__iso_text_to_timestamp(expression) -%}
    {%- set is_24 = "substr(iso, 12, 5) = '24:00' and "
        ~ regulars.matches('iso', '^.{11}24:00(:00([.](0{1,5}|0{6}[0-9]*))?)?([^0-9.:]|$)') -%}
    transform(
        array({{ expression }}),
        iso -> try_cast(
            case when {{ is_24 }} then substr(iso, 1, 11) || '00' || substr(iso, 14) else iso end as timestamp
        ) + case when {{ is_24 }} then interval '1' day else interval '0' day end
    )[0]
{%- endmacro %}
