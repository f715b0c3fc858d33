{{ config(tags=['phase_profiles']) }}

with match_model as (

    select * from {{ source('identity', 'match_model') }}

)

select
    model
from match_model
