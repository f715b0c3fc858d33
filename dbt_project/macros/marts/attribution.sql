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

{#- Columns of what is shared, in ten-thousandths: the smallest part of money, as whole numbers. -#}
{% macro worth_in_units() %}
    {%- for measure, worth in attributed_measures().items() %}
        cast(cast({{ worth }} as decimal(26, 4)) * 10000 as bigint) as {{ measure }}_units
        {{- ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}

{#- Columns of how much each touch weighs by each model, and of the weight of all touches of its order. -#}
{% macro touch_weights() %}
    {%- for model in attribution_models() %}
        cast({{ attribution_weight(model) }} as bigint) as {{ model }}_weight{{ ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}

{% macro weight_totals() %}
    {%- for model in attribution_models() %}
        cast(sum({{ model }}_weight) over (partition by order_id) as double) as {{ model }}_total
        {{- ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}

{#- Columns of what each touch but the last gets, in ten-thousandths. Shares are cut and not rounded, so that what is
    left over for the last is small and never below zero. -#}
{% macro cut_shares() %}
    {%- for model in attribution_models() %}
    {%- set is_last_model = loop.last %}
    {%- for measure in attributed_measures() %}
        case
            when place < touches
                then
                    cast(
                        floor(
                            cast(abs({{ measure }}_units) as double) * cast({{ model }}_weight as double)
                            / {{ model }}_total
                        ) as bigint
                    )
                    * cast(sign({{ measure }}_units) as bigint)
            else 0
        end as {{ model }}_{{ measure }}_units{{ ',' if not (is_last_model and loop.last) }}
    {%- endfor %}
    {%- endfor %}
{% endmacro %}

{#- Columns of what each touch gets, as parts of an order and as money: the last touch has what is left. -#}
{% macro whole_shares() %}
    {%- for model in attribution_models() %}
    {%- set is_last_model = loop.last %}
    {%- for measure in attributed_measures() %}
    {%- set units = model ~ '_' ~ measure ~ '_units' %}
        cast(
            (
                case
                    when place = touches
                        then {{ measure }}_units - cast(sum({{ units }}) over (partition by order_id) as bigint)
                    else {{ units }}
                end
            ) * cast(0.0001 as decimal(4, 4))
            as decimal(18, 4)
        ) as {{ model }}_{{ measure }}{{ '_amount' if measure != 'orders' }}
        {{- ',' if not (is_last_model and loop.last) }}
    {%- endfor %}
    {%- endfor %}
{% endmacro %}
