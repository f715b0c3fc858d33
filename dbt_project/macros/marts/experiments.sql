{#-
  What the company file says of experiments, as rows. No experiment gives no row.

    experiments          experiment_id, experiment_name, control_arm, window_days, alpha, assigned_until: all but the
                         first null where it says nothing
    experiment_shares    experiment_id, arm, planned_share
    experiment_choices   experiment_id, outcome: the outcomes that an experiment is judged by, of those that choose some
-#}
{% macro experiments() %}
    {%- for one in var('experiments') %}
    select
        {{ regulars.text_literal(one['id']) }} as experiment_id,
        {{ regulars.text_literal(one.get('name')) }} as experiment_name,
        {{ regulars.text_literal(one.get('control')) }} as control_arm,
        cast({{ one.get('window_days') if one.get('window_days') is not none else 'null' }} as bigint) as window_days,
        cast({{ one.get('alpha') if one.get('alpha') is not none else 'null' }} as double) as alpha,
        cast({{ regulars.text_literal(one.get('assigned_until')) }} as date) as assigned_until
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        {{ regulars.text_literal(none) }} as experiment_id,
        {{ regulars.text_literal(none) }} as experiment_name,
        {{ regulars.text_literal(none) }} as control_arm,
        cast(null as bigint) as window_days,
        cast(null as double) as alpha,
        cast(null as date) as assigned_until
    where 1 = 0
    {%- endfor %}
{% endmacro %}

{% macro experiment_shares() %}
    {%- set rows = [] -%}
    {%- for one in var('experiments') -%}
        {%- for arm, share in (one.get('shares') or {}).items() -%}
            {%- do rows.append([one['id'], arm, share]) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for row in rows %}
    select
        {{ regulars.text_literal(row[0]) }} as experiment_id,
        {{ regulars.text_literal(row[1]) }} as arm,
        cast({{ row[2] }} as decimal(18, 8)) as planned_share
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        {{ regulars.text_literal(none) }} as experiment_id,
        {{ regulars.text_literal(none) }} as arm,
        cast(null as decimal(18, 8)) as planned_share
    where 1 = 0
    {%- endfor %}
{% endmacro %}

{% macro experiment_choices() %}
    {%- set rows = [] -%}
    {%- for one in var('experiments') -%}
        {%- for outcome in one.get('outcomes') or [] -%}
            {%- do rows.append([one['id'], outcome]) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for row in rows %}
    select
        {{ regulars.text_literal(row[0]) }} as experiment_id,
        {{ regulars.text_literal(row[1]) }} as outcome
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        {{ regulars.text_literal(none) }} as experiment_id,
        {{ regulars.text_literal(none) }} as outcome
    where 1 = 0
    {%- endfor %}
{% endmacro %}
