{#- The accounting of staging: every record_key has exactly one row that is the record (valid or quarantined), all its
    other rows are duplicates, and no row is without key. -#}
{% test one_record_per_key(model) %}

select
    record_key,
    count(*) as rows_found,
    sum(case when record_status in ('valid', 'quarantined') then 1 else 0 end) as records,
    sum(case when record_status = 'duplicate' then 1 else 0 end) as duplicates
from {{ model }}
group by record_key
having
    record_key is null
    or sum(case when record_status in ('valid', 'quarantined') then 1 else 0 end) <> 1
    or sum(case when record_status = 'duplicate' then 1 else 0 end) <> count(*) - 1

{% endtest %}
