{{ config(tags=['phase_value']) }}

with purchases as (

    select * from {{ ref('int_product_purchases') }}

)

select
    customer_id,
    article_id,
    min(case when kept_quantity > 0 then day end) as first_kept_on,
    max(case when kept_quantity > 0 then day end) as last_kept_on
from purchases
where bought_quantity > 0
group by customer_id, article_id
