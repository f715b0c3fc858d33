{{ config(tags=['phase_profiles']) }}

with links as (

    select
        link_id,
        partner_id,
        product_id,
        updated_at,
        -- Before the first and after the last time that can be read.
        coalesce(valid_from, timestamp '1000-01-01 00:00:00') as valid_from,
        coalesce(valid_to, timestamp '3000-01-01 00:00:00') as valid_to
    from {{ ref('int_partner_links') }}
    where hangs_on = 'product' and carries_value and link_status = 'linked' and not is_empty

),

edges as (

    select
        product_id,
        valid_from as edge
    from links
    union
    select
        product_id,
        valid_to as edge
    from links

),

pieces as (

    select
        product_id,
        edge as valid_from,
        lead(edge) over (partition by product_id order by edge) as valid_to
    from edges

),

-- In each piece of time one supplier: of all whose link runs the one whose link began last.
held as (

    select
        pieces.product_id,
        pieces.valid_from,
        pieces.valid_to,
        links.partner_id,
        row_number() over (
            partition by pieces.product_id, pieces.valid_from
            order by links.valid_from desc, links.updated_at desc nulls last, links.link_id asc
        ) as place,
        min(links.partner_id) over (partition by pieces.product_id, pieces.valid_from)
        <> max(links.partner_id) over (partition by pieces.product_id, pieces.valid_from) as is_contested
    from pieces
    inner join links
        on
            pieces.product_id = links.product_id
            and pieces.valid_from >= links.valid_from
            and pieces.valid_to <= links.valid_to
    where pieces.valid_to is not null

)

select
    product_id,
    partner_id,
    valid_from,
    valid_to,
    is_contested
from held
where place = 1
