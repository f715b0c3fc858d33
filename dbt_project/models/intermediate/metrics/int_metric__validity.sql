{{ config(tags=['phase_value']) }}

with data_validity_index as (

    select * from {{ ref('data_validity_index') }} where load_id = 'all' and source = 'all'

),

as_of as (

    select * from {{ ref('int_as_of') }}

)

select
    'validity' as metric,
    as_of.as_of_on as day,
    cast(data_validity_index.validity as double) as numerator,
    cast(1 as double) as denominator,
    cast(data_validity_index.validity as double) as actual
from as_of
left join data_validity_index on 1 = 1
