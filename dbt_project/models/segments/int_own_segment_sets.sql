with own_segments as (

    select * from {{ ref('int_own_segments') }}

)

select
    customer_id,
    day,
    {{ regulars.joined_texts("segment_kind || ': ' || segment") }} as own_segments
from own_segments
group by customer_id, day
