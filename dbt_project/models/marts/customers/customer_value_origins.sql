{{ config(tags=['phase_profiles']) }}

with golden as (

    select * from {{ ref('int_customer_golden') }}

),

candidates as (

    select * from {{ ref('int_customer_value_candidates') }}

),

profile_records as (

    select * from {{ ref('int_customer_profile_records') }}

),

customer_records as (

    select source, source_record_id, customer_id from {{ source('identity', 'customer_records') }}

),

consents as (

    select * from {{ ref('customer_consents') }} where purpose = 'marketing' and channel in ('email', 'sms', 'phone')

),

statements as (

    select * from {{ ref('int_consent_statements') }} where purpose in ('marketing', 'all')

),

used_consents as (

    select record_key, record_ref from {{ ref('int_used__consents') }} where record_status = 'valid'

),

used_customers as (

    select distinct record_key, record_ref from {{ ref('int_used__customers') }} where is_valid

),

used_email_events as (

    select * from {{ ref('int_used__email_events') }} where record_status = 'valid'

),

meanings as (

    select * from {{ ref('consent_of_email_events') }}

),

winners as (

    select
        customer_id,
        field,
        value,
        source,
        source_record_id,
        case
            when values_known = 1 then 'the only value'
            when decided_by = 'only_valid' then 'the only valid value'
            when decided_by = 'validity' then 'no rule doubts it, unlike the next value'
            when decided_by = 'own_record_before_event' then 'stated by a customer record, the next value by an event'
            when decided_by = 'source_rank' and is_best_of_all then 'source ranked first'
            when decided_by = 'source_rank' then 'source ranked before that of the next value'
            when decided_by = 'recency' and is_best_of_all
                then 'newest of ' || cast(valid_values as {{ dbt.type_string() }}) || ' values'
            when decided_by = 'recency' then 'newer than the next value'
            when decided_by = 'frequency' and is_best_of_all then 'said by most records'
            when decided_by = 'frequency' then 'said by more records than the next value'
            else 'equal by all rules, taken by a fixed order'
        end as rule,
        stated_at,
        record_place,
        values_known - 1 as other_values
    from candidates
    where place = 1 and is_valid

),

-- What stands for a name where no record says one.
unnamed as (

    select golden.customer_id
    from golden
    left join winners on golden.customer_id = winners.customer_id and winners.field = 'display_name'
    where winners.customer_id is null

),

names_in_place as (

    select
        unnamed.customer_id,
        'display_name' as field,
        coalesce(emails.value, accounts.value, unnamed.customer_id) as value,
        coalesce(emails.source, accounts.source) as source,
        coalesce(emails.source_record_id, accounts.source_record_id) as source_record_id,
        case
            when emails.value is not null then 'no name is known: the e-mail address'
            when accounts.value is not null then 'no name is known: the account'
            else 'no name is known: the customer id'
        end as rule,
        case when emails.value is not null then emails.stated_at else accounts.stated_at end as stated_at,
        0 as other_values
    from unnamed
    left join winners as emails on unnamed.customer_id = emails.customer_id and emails.field = 'email'
    left join winners as accounts on unnamed.customer_id = accounts.customer_id and accounts.field = 'account'

),

addresses as (

    select
        winners.customer_id,
        winners.source,
        winners.source_record_id,
        winners.stated_at,
        profile_records.country_code,
        profile_records.region
    from winners
    inner join profile_records
        on winners.customer_id = profile_records.customer_id and winners.record_place = profile_records.place
    where winners.field = 'address'

),

-- Country and region belong to the address, if there is one; a country that it leaves open is taken from elsewhere.
of_fields as (

    select
        winners.customer_id,
        winners.field,
        winners.value,
        winners.source,
        winners.source_record_id,
        winners.rule,
        winners.stated_at,
        winners.other_values
    from winners
    left join addresses on winners.customer_id = addresses.customer_id
    where
        winners.field not in ('account', 'country_code', 'region')
        or (winners.field = 'country_code' and addresses.country_code is null)
        or (winners.field = 'region' and addresses.customer_id is null)

),

of_addresses as (

    select
        winners.customer_id,
        winners.field,
        case when winners.field = 'region' then addresses.region else addresses.country_code end as value,
        addresses.source,
        addresses.source_record_id,
        'part of the address' as rule,
        addresses.stated_at,
        winners.other_values
    from winners
    inner join addresses on winners.customer_id = addresses.customer_id
    where
        (winners.field = 'country_code' and addresses.country_code is not null)
        or (winners.field = 'region' and addresses.region is not null)

),

-- The statement behind a consent: of one moment that of the first record, as in customer_consents.
stated as (

    select
        consents.customer_id,
        consents.channel,
        min(statements.record_key) as record_key,
        max(case when statements.is_about_address then 1 else 0 end) = 1 as is_about_address
    from consents
    inner join statements
        on
            consents.customer_id = statements.customer_id
            and consents.channel = statements.channel
            and consents.status = statements.status
            and consents.source = statements.source
            and coalesce(consents.origin, '') = coalesce(statements.origin, '')
            and (
                consents.since = statements.occurred_at or (consents.since is null and statements.occurred_at is null)
            )
    group by consents.customer_id, consents.channel

),

words as (

    select
        customer_id,
        channel,
        count(distinct case when status = 'granted' then 'true' else 'false' end) as words
    from statements
    group by customer_id, channel

),

record_keys as (

    select record_key, record_ref from used_consents
    union all
    select record_key, record_ref from used_customers
    union all
    select
        used_email_events.record_key,
        used_email_events.record_ref
    from used_email_events
    inner join meanings on {{ lower_text('used_email_events.event') }} = meanings.event

),

-- Two entities of a source may name a record by the same key: the customer tells them apart.
consenting_records as (

    select
        stated.customer_id,
        stated.channel,
        min(customer_records.source_record_id) as source_record_id
    from stated
    inner join consents on stated.customer_id = consents.customer_id and stated.channel = consents.channel
    inner join record_keys on stated.record_key = record_keys.record_key
    inner join customer_records
        on
            consents.source = customer_records.source
            and record_keys.record_ref = customer_records.source_record_id
            and stated.customer_id = customer_records.customer_id
    group by stated.customer_id, stated.channel

),

of_consents as (

    select
        consents.customer_id,
        consents.channel || '_consent' as field,
        case when consents.status = 'granted' then 'true' else 'false' end as value,
        consents.source,
        consenting_records.source_record_id,
        case
            when stated.is_about_address then 'the address or number in use cannot be reached'
            else 'the latest word'
        end as rule,
        consents.since as stated_at,
        coalesce(words.words - 1, 0) as other_values
    from consents
    left join stated on consents.customer_id = stated.customer_id and consents.channel = stated.channel
    left join words on consents.customer_id = words.customer_id and consents.channel = words.channel
    left join consenting_records
        on consents.customer_id = consenting_records.customer_id and consents.channel = consenting_records.channel

),

origins as (

    select * from of_fields
    union all
    select * from of_addresses
    union all
    select * from names_in_place
    union all
    select * from of_consents

)

select
    customer_id,
    field,
    value,
    source,
    source_record_id,
    rule,
    stated_at,
    cast(other_values as bigint) as other_values
from origins
