{{ config(tags=['phase_profiles']) }}

with match_weights as (

    select * from {{ source('identity', 'match_weights') }}

)

select
    comparison,
    place,
    level,
    m_probability,
    u_probability,
    household_probability,
    weight
from match_weights
