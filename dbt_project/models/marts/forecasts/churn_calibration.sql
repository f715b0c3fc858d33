{{ config(tags=['phase_value']) }}

with calibration as (

    select * from {{ source('scores', 'churn_calibration') }}

)

select
    bin,
    customers,
    mean_risk,
    share_stayed_away
from calibration
