{#-
  Contact values: how staging takes the verdicts that Python has given (expectations/contacts) for the texts as
  received.

  Per type: the table with its verdicts, the column there that holds the normal form, and the flags that staging takes
  over as <column>_<flag>. A value without a verdict counts as invalid, so that nothing unjudged becomes an identifier.
-#}
{% macro judged_types() %}
    {{ return({
        'email': {'table': 'judged_emails', 'value': 'normalised', 'flags': ['is_valid', 'is_disposable']},
        'phone': {'table': 'judged_phones', 'value': 'e164', 'flags': ['is_valid']},
        'country': {'table': 'judged_countries', 'value': 'normalised', 'flags': ['is_valid']},
        'postcode': {'table': 'judged_postcodes', 'value': 'normalised', 'flags': ['is_valid']},
        'name': {'table': 'judged_names', 'value': 'normalised', 'flags': ['is_valid', 'is_doubtful']},
    }) }}
{% endmacro %}

{#- The flags of a type; none for types that nobody judges. -#}
{% macro judged_flags(type) %}
    {{ return(regulars.judged_types().get(type, {}).get('flags', [])) }}
{% endmacro %}

{#- The column of an entity that says where the person lives; none where it has no such column. -#}
{% macro country_column(entity) %}
    {%- for column, type in regulars.entity_definition(entity)['columns'].items() if type == 'country' -%}
        {{ return(column) }}
    {%- endfor -%}
    {{ return(none) }}
{% endmacro %}

{#- The joins of the verdicts to rows under the alias r; none of them gives a row more than it had. Countries come
    first: a postcode is one of the record's own country, of the source's where the record names none, and of `ZZ`
    where what it names is no country. A telephone number is read both ways. -#}
{% macro judged_joins(entity) -%}
    {%- set columns = regulars.entity_definition(entity)['columns'] -%}
    {%- set country = regulars.country_column(entity) -%}
    {%- if country -%}{{ regulars.judged_join(country, 'country') }}{%- endif -%}
    {%- for column, type in columns.items() if type in regulars.judged_types() and type != 'country' -%}
        {%- if type == 'phone' -%}
            {{ regulars.judged_join(column, type, 'r._country') }}
            {%- if country -%}
                {{ regulars.judged_join(column, type, 'judged_' ~ country ~ '.normalised', '_at_home') }}
            {%- endif -%}
        {%- elif type == 'postcode' and country -%}
            {%- set own = 'coalesce(judged_' ~ country ~ ".normalised, 'ZZ')" -%}
            {%- set unsaid = regulars.typed_text('r.' ~ country) ~ ' is null' -%}
            {{ regulars.judged_join(column, type, 'case when ' ~ unsaid ~ ' then r._country else ' ~ own ~ ' end') }}
        {%- elif type == 'postcode' -%}
            {{ regulars.judged_join(column, type, 'r._country') }}
        {%- else -%}
            {{ regulars.judged_join(column, type) }}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}

{% macro judged_join(column, type, region=none, suffix='') -%}
    {%- set alias = 'judged_' ~ column ~ suffix %}
    left join {{ source('quality', regulars.judged_types()[type]['table']) }} as {{ alias }}
        on r.{{ column }} = {{ alias }}.raw_value {%- if region %} and {{ region }} = {{ alias }}.region {%- endif -%}
{%- endmacro %}

{#- One judged column: the text as received, the value in normal form, and the flags. -#}
{% macro judged_columns(column, type, name, country=none) -%}
    {%- set text = regulars.typed_text('r.' ~ column) -%}
    {%- set judged = regulars.judged_types()[type] -%}
    {%- set verdicts = ['judged_' ~ column] -%}
    {#- The record's own country says more about a number than the source's. -#}
    {%- if type == 'phone' and country -%}{%- do verdicts.insert(0, 'judged_' ~ column ~ '_at_home') -%}{%- endif -%}
    case when {{ text }} is not null then r.{{ column }} end as {{ name }}_text,
    case
        {%- for verdict in verdicts %}
        when {{ verdict }}.is_valid then {{ verdict }}.{{ judged['value'] }}
        {%- endfor %}
    end as {{ name }}
    {%- for flag in judged['flags'] %},
    {% if flag == 'is_valid' -%}
    case
        when {{ text }} is not null
            then
                {%- for verdict in verdicts %}
                coalesce({{ verdict }}.is_valid, false){{ ' or' if not loop.last }}
                {%- endfor %}
    end as {{ name }}_is_valid
    {%- else -%}
    {{ verdicts[0] }}.{{ flag }} as {{ name }}_{{ flag }}
    {%- endif -%}
    {%- endfor -%}
{%- endmacro %}
