{#- How an order's worth is shared among the touches before it. -#}

{#- The models; attributed_orders has three columns of each. -#}
{% macro attribution_models() %}
    {{ return(['first', 'last', 'linear', 'position', 'time_decay']) }}
{% endmacro %}

{#- What is shared: prefix of the columns, and the expression of what the order is worth. -#}
{% macro attributed_measures() %}
    {{ return({'orders': '1', 'revenue': 'net_amount', 'margin': 'margin_amount'}) }}
{% endmacro %}

{#- The model that the company declares. -#}
{% macro attribution_model() %}
    {%- set model = threshold('attribution_model') -%}
    {%- if model not in attribution_models() -%}
        {{ exceptions.raise_compiler_error(
            "Unknown attribution_model '" ~ model ~ "'. Known: " ~ attribution_models() | join(', ') ~ "."
        ) }}
    {%- endif -%}
    {{ return(model) }}
{% endmacro %}

{#-
  How much a touch weighs beside the others of its order: a whole number, so that sums of it are exact. It asks for the
  columns place (1 is the first), touches (how many the order has) and seconds_before_last (until the last of them).

  position    shares of the first and the last, the rest equally among those between; of two touches each has its share
              of both, and if both shares are 0, half.
  time_decay  half as much for every half-life that a touch lies before the last one, in millionths, at least one.
-#}
{% macro attribution_weight(model) -%}
    {%- set first = (threshold('attribution_first_share') * 1000000) | round | int -%}
    {%- set last = (threshold('attribution_last_share') * 1000000) | round | int -%}
    {%- set half_life = 'cast(' ~ threshold('attribution_half_life_days') ~ ' as double) * 86400' -%}
    {%- if first + last > 1000000 -%}
        {{ exceptions.raise_compiler_error(
            'attribution_first_share and attribution_last_share are more than 1 together: '
            ~ threshold('attribution_first_share') ~ ' and ' ~ threshold('attribution_last_share') ~ '.'
        ) }}
    {%- endif -%}
    {%- if model == 'first' -%}
        case when place = 1 then 1 else 0 end
    {%- elif model == 'last' -%}
        case when place = touches then 1 else 0 end
    {%- elif model == 'linear' -%}
        1
    {%- elif model == 'position' -%}
        case
            when touches = 1 then 1
            when touches = 2 and place = 1 then {{ first if first + last else 1 }}
            when touches = 2 then {{ last if first + last else 1 }}
            when place = 1 then {{ first }} * (touches - 2)
            when place = touches then {{ last }} * (touches - 2)
            else {{ 1000000 - first - last }}
        end
    {%- elif model == 'time_decay' -%}
        1 + cast(floor(999999 * power(cast(0.5 as double), seconds_before_last / ({{ half_life }}))) as bigint)
    {%- endif -%}
{%- endmacro %}
