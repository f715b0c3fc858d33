{#- The lowest of several rates (0 to 1), null ones left out; null when all are. -#}
{% macro lowest_rate(rates) -%}
    case
        {%- for rate in rates[:-1] %}
        when
            {%- for other in rates if other != rate %}
            {{ rate }} <= coalesce({{ other }}, 1){{ ' and' if not loop.last }}
            {%- endfor %}
            then {{ rate }}
        {%- endfor %}
        else {{ rates[-1] }}
    end
{%- endmacro %}
