{#-
  Which segment of a seed each situation belongs to: the row with the smallest priority whose ranges hold it.

  situations  name of a CTE: the measures (numbers, never null), one row per situation.
  seed        name of a CTE: priority, the segment, and <measure>_from and <measure>_upto for each measure: both ends
              belong to the range, null sets no limit.
  segment     name of the column with the segment.
  measures    names of the measures.
  Result:     the measures and the segment; no row for a situation that nothing fits.
-#}
{% macro first_fit(situations, seed, segment, measures) %}
    select
        {{ measures | join(', ') }},
        {{ segment }}
    from (
        select
            {%- for measure in measures %}
            situations.{{ measure }},
            {%- endfor %}
            seed.{{ segment }},
            row_number() over (
                partition by
                    {%- for measure in measures %}
                    situations.{{ measure }}{{ ',' if not loop.last }}
                    {%- endfor %}
                order by seed.priority
            ) as place
        from {{ situations }} as situations
        inner join {{ seed }} as seed
            on
                {%- for measure in measures %}
                {{ 'and ' if not loop.first }}situations.{{ measure }}
                >= coalesce(seed.{{ measure }}_from, situations.{{ measure }})
                and situations.{{ measure }} <= coalesce(seed.{{ measure }}_upto, situations.{{ measure }})
                {%- endfor %}
    ) as fitting
    where place = 1
{% endmacro %}

{#- Per measure the first whole number behind every limit of a seed: larger ones fare alike, and few situations are
    left. -#}
{% macro limits_of(seed, measures) %}
    select
        {%- for measure in measures %}
        coalesce(
            max(
                case
                    when coalesce({{ measure }}_upto, 0) > coalesce({{ measure }}_from, 0) then {{ measure }}_upto
                    else {{ measure }}_from
                end
            ),
            0
        ) + 1 as {{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ seed }}
{% endmacro %}

{#- A measure, and what is behind every limit as that first number behind them; null as -1. -#}
{% macro within_limit(expression, limit) -%}
    case when {{ expression }} > {{ limit }} then {{ limit }} else coalesce({{ expression }}, -1) end
{%- endmacro %}
