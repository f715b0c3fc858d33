{#-
  The value of a key in what `keyed_values` read, whatever its type, as text; of a key that comes twice the first one's.
  Null when the key is not there or has no value.
-#}
{% macro keyed_value(values, key) -%}
    {{ return(adapter.dispatch('keyed_value', 'regulars')(values, key)) }}
{%- endmacro %}

{% macro duckdb__keyed_value(values, key) -%}
    list_transform(
        list_filter({{ values }}, lambda entry: entry.key = '{{ key }}'),
        lambda entry: coalesce(
            entry.value.string_value, entry.value.int_value, entry.value.float_value, entry.value.double_value
        )
    )[1]
{%- endmacro %}

{% macro spark__keyed_value(values, key) -%}
    get(transform(
        filter({{ values }}, entry -> entry.key = '{{ key }}'),
        entry -> coalesce(
            entry.value.string_value, entry.value.int_value, entry.value.float_value, entry.value.double_value
        )
    ), 0)
{%- endmacro %}
