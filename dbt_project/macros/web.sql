{#- What the trackers' models share. -#}

{#- A time that is UTC but does not say so ('2021-03-03 21:27:32.695') with its offset; any other text as it is. -#}
{% macro said_to_be_utc(expression) -%}
    case
        when {{ regulars.matches(expression, '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}[0-9:.]*$') }}
            then {{ expression }} || 'Z'
        else {{ expression }}
    end
{%- endmacro %}

{#- A text that is no value but stands for one that is missing, in a column of traffic sources: '(direct)', '(none)',
    '(not set)' and the like become null. -#}
{% macro without_brackets(expression) -%}
    case when substr({{ expression }}, 1, 1) <> '(' then {{ expression }} end
{%- endmacro %}
