{#-
  Survivorship: which of the values that a customer's records state becomes the golden one. Fields and criteria stand
  here once; which criterion counts first for which field is data (seeds survivorship_rules, survivorship_source_ranks).
-#}

{#- The fields, each with
      value    SQL for its value as text, over int_customer_profile_records
      says     condition under which a record states it (absent: the value is not null)
      columns  the columns of staging that it is made of: what a rule says of these, it says of the field
      refused  [text as received, flag]: what nobody can use, kept as a value that never wins
      event    kind of identifier under which orders, mails, calls, tickets, answers and contracts name it
    A field without `value` is known from events only. -#}
{% macro survivorship_fields() %}
    {{ return({
        'display_name': {'value': 'person_name', 'columns': ['full_name', 'first_name', 'last_name']},
        'email': {
            'value': 'email', 'columns': ['email'], 'refused': ['email_text', 'email_is_valid'], 'event': 'email',
        },
        'phone': {
            'value': 'phone', 'columns': ['phone'], 'refused': ['phone_text', 'phone_is_valid'], 'event': 'phone',
        },
        'birth_date': {'value': 'cast(birth_date as ' ~ dbt.type_string() ~ ')', 'columns': ['birth_date']},
        'gender': {'value': 'gender', 'columns': ['gender']},
        'language': {'value': 'language', 'columns': ['language']},
        'address': {
            'value': regulars.address_text(), 'says': 'has_address',
            'columns': ['street', 'city', 'postal_code', 'region', 'country_code'],
        },
        'country_code': {'value': 'country_code', 'columns': ['country_code']},
        'region': {'value': 'region', 'columns': ['region']},
        'account': {'event': 'account'},
    }) }}
{% endmacro %}

{#- An address as one line, written like the address of customer_contact_points. -#}
{% macro address_text(with_country=true) -%}
    concat_ws(
        ', ', street, nullif({{ regulars.trimmed("concat_ws(' ', postal_code, city)") }}, '')
        {{- ', country_code' if with_country }}
    )
{%- endmacro %}

{#- The criteria: name -> the number that says how good a candidate is by it, the higher the better, never null. -#}
{% macro survivorship_criteria() %}
    {%- set first_second = "cast('1970-01-01 00:00:00' as timestamp)" -%}
    {{ return({
        'validity': 'case when is_doubtful then 0 else 1 end',
        'source_rank': 'case when source_rank is null then -1000000 else -source_rank end',
        'recency': 'coalesce(' ~ regulars.seconds_between(first_second, 'stated_at') ~ ', -1000000000000)',
        'frequency': 'records',
        'own_record_before_event': 'case when is_own_record then 1 else 0 end',
    }) }}
{% endmacro %}

{#- The places that the criteria of a field may take: as many as there are criteria. -#}
{% macro survivorship_places() %}
    {%- set places = [] -%}
    {%- for criterion in regulars.survivorship_criteria() -%}{%- do places.append(loop.index) -%}{%- endfor -%}
    {{ return(places) }}
{% endmacro %}

{#- The number by which the criterion at one place of a field's rules judges a candidate; 0, so that nothing is
    decided, where the field has no rule at that place. Within one value only that is asked which differs between the
    records that state it. -#}
{% macro survivorship_key(place, within_value=false) -%}
    {%- set of_values = ['validity', 'frequency'] -%}
    case criterion_{{ place }}
        {%- for criterion, number in regulars.survivorship_criteria().items()
            if not (within_value and criterion in of_values) %}
        when '{{ criterion }}' then cast({{ number }} as double)
        {%- endfor %}
        else 0
    end
{%- endmacro %}

{#- The rules of validity that cast doubt on a field: those that keep the value and mark it (severity warning), about
    one of its columns, or about the record as a whole and asking for one of its columns. -#}
{% macro rules_that_doubt(field) %}
    {%- set columns = regulars.survivorship_fields()[field].get('columns', []) -%}
    {%- set asks = '(^|[^a-z0-9_])(' ~ columns | join('|')
        ~ ')(_text|_is_valid|_is_doubtful|_is_disposable)?([^a-z0-9_]|$)' -%}
    {%- set found = [] -%}
    {%- for rule in regulars.rules_of('customers') if rule['severity'] == 'warning' -%}
        {%- if rule['field'] in columns or (rule['field'] == 'record' and modules.re.search(asks, rule['sql'])) -%}
            {%- do found.append(rule['id']) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}

{#- `|field|` for each field that a rule casts doubt on in a record with failed_rules, as one text. -#}
{% macro doubtful_fields(failed_rules) -%}
    {%- for field, definition in regulars.survivorship_fields().items() -%}
    {%- set rules = regulars.rules_that_doubt(field) if definition.get('columns') else [] -%}
    {%- if rules %}
        case
            when
                {%- for rule in rules %}
                position(', {{ rule }}, ' in ', ' || {{ failed_rules }} || ', ') > 0
                {{- ' or' if not loop.last }}
                {%- endfor %}
                then '|{{ field }}|'
            else ''
        end ||
    {%- endif -%}
    {%- endfor %}
        ''
{%- endmacro %}

{#- The order of a customer's values of one field, best first, over the keys of all places. What the rules leave equal
    follows a fixed order, so that the result is the same each run: the record that was loaded last, then the text. -#}
{% macro survivorship_order(places) -%}
    is_valid desc,
    {%- for place in places %} key_{{ place }} desc,{% endfor %} record_place desc nulls last, value asc
{%- endmacro %}
