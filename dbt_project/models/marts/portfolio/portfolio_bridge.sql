{{ config(tags=['phase_value']) }}

{%- set steps = [
    ('gross', 'total', 'gross_amount', 'null'),
    ('discounts', 'change', '-discount_amount', 'null'),
    ('returns', 'change', '-returns_amount', 'null'),
    ('revenue', 'total', 'revenue_amount', 'null'),
    ('uncosted_revenue', 'change', '-uncosted_revenue_amount', 'null'),
    ('cost_of_goods', 'change', '-cost_of_goods_amount', 'cost_coverage_rate'),
    ('margin', 'total', 'margin_amount', 'cost_coverage_rate'),
    ('messages', 'change', 'media_cost_amount - contact_cost_amount', 'contact_cost_coverage_rate'),
    ('media', 'change', '-media_cost_amount', 'contact_cost_coverage_rate'),
    ('service', 'change', '-service_cost_amount', 'service_cost_coverage_rate'),
    ('profit', 'total', 'profit_amount', 'profit_coverage_rate'),
] %}

with whole as (

    select * from {{ ref('portfolio_profit') }} where row_kind = 'all'

)

{%- for step, kind, amount, coverage in steps %}
select
    cast({{ loop.index }} as integer) as step_number,
    '{{ step }}' as step,
    '{{ kind }}' as kind,
    {{ regulars.as_money(amount) }} as amount,
    cast({{ coverage }} as double) as coverage_rate,
    currency,
    measured_at
from whole
{{ 'union all' if not loop.last }}
{%- endfor %}
