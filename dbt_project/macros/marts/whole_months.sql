{#-
  Calendar months completed from one date to a later one: n when the first date moved by n months is not after the last
  one, and moved by n + 1 it is. Where a month has no such day, its last one stands for it, as in add_months: from 31
  January to 28 February is one month. Null when either is null.
-#}
{% macro whole_months(first_date, last_date) -%}
    cast(
        {{ regulars.month_number(last_date) }} - {{ regulars.month_number(first_date) }}
        - case
            when
                extract(day from {{ last_date }}) >= extract(day from {{ first_date }})
                or extract(day from {{ regulars.add_days(last_date, 1) }}) = 1
                then 0
            else 1
        end as integer
    )
{%- endmacro %}
