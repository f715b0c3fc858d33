{#- The segments that the company defines itself: SQL files in models/segments, and rows of the seed
    custom_segments. -#}

{#- Kinds that come with Regulars, each with its column of int_customer_segments; orchestration/own_segments.py has the
    same names. -#}
{% macro segment_columns() %}
    {{ return({
        'value': 'value_segment',
        'strategic': 'strategic_segment',
        'behaviour': 'behaviour_segment',
        'lifecycle': 'lifecycle_stage',
        'loyalty': 'loyalty_tier',
        'category': 'category_segment',
        'channel': 'channel_segment',
        'price': 'price_segment',
        'engagement': 'engagement_segment',
    }) }}
{% endmacro %}

{#- Numbers of int_customer_measures and int_customer_segments that a row of custom_segments may set limits to. -#}
{% macro custom_numbers() %}
    {{ return([
        'orders', 'order_days', 'recency_days', 'tenure_days', 'revenue_amount', 'average_order_amount', 'orders_12m',
        'revenue_12m_amount', 'estimated_profit_12m_amount', 'expected_orders_12m', 'expected_value_amount',
        'discount_share', 'recent_mails', 'recent_opens', 'recent_clicks', 'recent_visits', 'recency_score',
        'frequency_score', 'monetary_score',
    ]) }}
{% endmacro %}

{#- Texts that a row of custom_segments may ask for. -#}
{% macro custom_texts() %}
    {{ return(segment_columns().values() | list + ['country_code', 'language']) }}
{% endmacro %}

{#- Run after the seed is loaded: stops the run, and says which row is wrong, why, and what is allowed. -#}
{% macro check_custom_segments() %}
    {%- if execute -%}
        {%- set found = run_query(regulars.custom_segment_problems(this) ~ ' order by 1, 2, 3, 4 limit 3').rows -%}
        {%- if found | length > 0 -%}
            {%- set lines = [] -%}
            {%- for row in found -%}
                {%- do lines.append(
                    'row ' ~ row[0] ~ ', priority ' ~ row[1] ~ ', ' ~ row[2] ~ ', ' ~ row[3] ~ ': ' ~ row[4]
                ) -%}
            {%- endfor -%}
            {{ exceptions.raise_compiler_error(
                'dbt_project/seeds/custom_segments.csv is wrong: ' ~ lines | join(' ')
                ~ ' Mend the seed and run again; docs/analysts.md has an example.'
            ) }}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

{#- The rows of custom_segments that are wrong: kind, priority, segment, measure, and why. -#}
{% macro custom_segment_problems(seed) %}
    {%- set taken = segment_columns().keys() | list + var('segment_models') %}
    {%- set name = '^[a-z][a-z0-9_]*$' %}
    select
        coalesce(segment_kind, '(no kind)') as segment_kind,
        coalesce(priority, '(none)') as priority,
        coalesce(segment, '(no segment)') as segment,
        coalesce(measure, '(no measure)') as measure,
        problem
    from (
        select
            rows_read.*,
            case
                when not coalesce({{ regulars.matches('rows_read.segment_kind', name) }}, false)
                    then 'segment_kind must be small letters, digits and _, beginning with a letter.'
                when rows_read.segment_kind in ('{{ taken | join("', '") }}')
                    then 'segment_kind is taken; these are: {{ taken | join(", ") }}.'
                when not coalesce({{ regulars.matches('rows_read.priority', '^[0-9]{1,6}$') }}, false)
                    then 'priority must be a whole number; rows with the same one belong together.'
                when rows_read.segment is null then 'segment must have a name.'
                when rules.segments > 1
                    then 'the rows of one priority must name one segment; give each segment its own priority.'
                when not coalesce(
                    rows_read.measure in ('{{ (custom_numbers() + custom_texts()) | join("', '") }}'), false
                )
                    then
                        'measure is unknown. Numbers: {{ custom_numbers() | join(", ") }}. '
                        || 'Texts: {{ custom_texts() | join(", ") }}.'
                when rows_read.measure in ('{{ custom_texts() | join("', '") }}')
                    then
                        case
                            when
                                rows_read.equals_text is null
                                or rows_read.at_least is not null
                                or rows_read.below is not null
                                then 'this measure is a text: fill equals, and leave at_least and below empty.'
                        end
                when rows_read.equals_text is not null
                    then 'this measure is a number: fill at_least, below or both, and leave equals empty.'
                when rows_read.at_least is null and rows_read.below is null
                    then 'no limit is set: fill at_least, below or both.'
                when
                    (rows_read.at_least is not null and rows_read.at_least_number is null)
                    or (rows_read.below is not null and rows_read.below_number is null)
                    then 'at_least and below must be numbers with a decimal point.'
                when rows_read.at_least_number >= rows_read.below_number
                    then 'at_least must be smaller than below, or nobody is in the segment.'
            end as problem
        from (
            select
                *,
                {{ regulars.try_cast_text('at_least', 'double') }} as at_least_number,
                {{ regulars.try_cast_text('below', 'double') }} as below_number
            from ({{ custom_segment_rows(seed) }}) as cells
        ) as rows_read
        left join (
            select
                segment_kind,
                priority,
                count(distinct segment) as segments
            from ({{ custom_segment_rows(seed) }}) as cells
            group by segment_kind, priority
        ) as rules
            on rows_read.segment_kind = rules.segment_kind and rows_read.priority = rules.priority
    ) as judged
    where problem is not null
{% endmacro %}

{#- The rows of custom_segments as texts, empty cells as nulls. -#}
{% macro custom_segment_rows(seed) %}
    select
        {%- for column in ['segment_kind', 'priority', 'segment', 'measure', 'at_least', 'below'] %}
        nullif({{ regulars.trimmed(column) }}, '') as {{ column }},
        {%- endfor %}
        nullif({{ regulars.trimmed('equals') }}, '') as equals_text
    from {{ seed }}
{% endmacro %}

{#- Run before own segments are gathered: stops the run where a file does not give what it must. -#}
{% macro check_own_segments() %}
    {%- if execute -%}
        {%- for name in var('segment_models') -%}
            {%- set model = ref('segment__' ~ name) -%}
            {%- set file = 'dbt_project/models/segments/segment__' ~ name ~ '.sql' -%}
            {%- set columns = adapter.get_columns_in_relation(model) | map(attribute='name') | map('lower') | list -%}
            {%- for column in ['customer_id', 'day', 'segment'] if column not in columns -%}
                {{ exceptions.raise_compiler_error(
                    file ~ ' gives no column ' ~ column ~ ' but ' ~ columns | join(', ')
                    ~ '. It must select customer_id, day and segment.'
                ) }}
            {%- endfor -%}
            {%- set twice = run_query(
                'select count(*) from (select customer_id, day from ' ~ model
                ~ ' where segment is not null group by customer_id, day having count(*) > 1) as twice'
            ).rows[0][0] -%}
            {%- if twice > 0 -%}
                {{ exceptions.raise_compiler_error(
                    file ~ ' gives ' ~ twice ~ ' times more than one segment for the same customer and day. '
                    ~ 'Give one row for each; for segments that overlap write a file for each.'
                ) }}
            {%- endif -%}
            {%- set strays = run_query(
                'select count(*), min(own.day) from ' ~ model ~ ' as own left join ' ~ ref('int_snapshot_days')
                ~ ' as days on own.day = days.day where own.segment is not null and days.day is null'
            ).rows[0] -%}
            {%- if strays[0] > 0 -%}
                {{ exceptions.raise_compiler_error(
                    file ~ ' gives ' ~ strays[0] ~ ' rows on days that are not measured, such as ' ~ strays[1]
                    ~ '. Take customer_id and day from int_customer_measures or int_customer_segments.'
                ) }}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}
