{{ config(tags=['phase_profiles']) }}

with statements as (

    select * from {{ ref('int_consent_statements') }}

),

statuses as (

    select * from {{ ref('consent_statuses') }}

),

golden as (

    select * from {{ ref('int_customer_golden') }}

),

addressed as (

    select
        statements.*,
        statuses.strictness,
        case
            when statements.channel = 'email' then golden.primary_email
            when statements.channel in ('sms', 'phone') then golden.primary_phone
        end as primary_address
    from statements
    inner join statuses on statements.status = statuses.status
    inner join golden on statements.customer_id = golden.customer_id

),

-- Two questions are answered apart: what the person said last, and whether the address in use can be reached. What is
-- known against another address of the person says nothing about the one in use, and a yes given for another address
-- does not make this one reachable.
answers as (

    select
        *,
        'person' as question
    from addressed
    where not is_about_address

    union all

    select
        *,
        'address' as question
    from addressed
    where
        (is_about_address and address = primary_address)
        or (status = 'granted' and (address is null or address = primary_address))

),

-- What is said about all purposes counts for each that is named, and for marketing in any case.
purposes as (

    select
        customer_id,
        channel,
        purpose
    from addressed
    union
    select
        customer_id,
        channel,
        'marketing' as purpose
    from addressed

),

by_purpose as (

    select
        answers.customer_id,
        answers.channel,
        purposes.purpose,
        answers.question,
        answers.status,
        answers.strictness,
        answers.occurred_at,
        answers.ranked_at,
        answers.source,
        answers.origin,
        -- Of one moment the strictest; the rest is for the same answer in each run.
        row_number() over (
            partition by
                answers.customer_id, answers.channel, purposes.purpose, answers.question, answers.ranked_at
            order by
                answers.strictness desc,
                answers.source asc,
                answers.origin asc nulls last,
                answers.record_key asc
        ) as place_in_moment
    from answers
    inner join purposes
        on
            answers.customer_id = purposes.customer_id
            and answers.channel = purposes.channel
            and (answers.purpose = purposes.purpose or answers.purpose = 'all')

),

moments as (

    select
        *,
        lag(status) over (
            partition by customer_id, channel, purpose, question order by ranked_at asc nulls first
        ) as status_before
    from by_purpose
    where place_in_moment = 1

),

changes as (

    select
        *,
        row_number() over (
            partition by customer_id, channel, purpose, question order by ranked_at desc nulls last
        ) as place_from_last
    from moments
    where status_before is null or status_before <> status

),

present as (

    select
        *,
        row_number() over (
            partition by customer_id, channel, purpose order by strictness desc, question desc
        ) as place
    from changes
    where place_from_last = 1

)

select
    present.customer_id,
    present.channel,
    present.purpose,
    present.status,
    present.occurred_at as since,
    present.source,
    present.origin,
    statuses.is_contactable
    and case
        when present.channel = 'email' then golden.primary_email is not null
        when present.channel in ('sms', 'phone') then golden.primary_phone is not null
        when present.channel = 'post' then coalesce(golden.street, golden.city) is not null
        else true
    end as is_contactable
from present
inner join statuses on present.status = statuses.status
inner join golden on present.customer_id = golden.customer_id
where present.place = 1
