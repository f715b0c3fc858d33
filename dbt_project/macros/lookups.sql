{#-
  What rules ask of other records: was the customer received that an order names, is there a rate on its day?

  The answers are made columns that a rule's SQL may use (entities.sql, looks_up). They only ever turn from no to yes
  while tables grow: records and rates are added, not taken away, and whatever else could turn them (company file,
  rules, seeds) stages everything anew. So a row that was judged without the record it needs is judged again once it is
  there (staging.sql), and the order in which two records arrive does not matter.
-#}

{#- The rules of an entity that ask something of other records. -#}
{% macro rules_that_look_up(entity) %}
    {%- set names = regulars.entity_definition(entity)['looks_up'].keys() -%}
    {%- set found = [] -%}
    {%- for rule in regulars.rules_of(entity) -%}
        {%- set asked = [] -%}
        {%- for name in names if modules.re.search('\\b' ~ name ~ '\\b', rule['sql']) -%}
            {%- do asked.append(name) -%}
        {%- endfor -%}
        {%- if asked and rule['severity'] == 'field' -%}
            {{ exceptions.raise_compiler_error(
                "Rule '" ~ rule['id'] ~ "' asks something of other records, so it cannot have severity field."
            ) }}
        {%- endif -%}
        {%- if asked -%}{%- do found.append(rule) -%}{%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}

{#- What is looked up, one entry per made column: name, kind, and the SQL of both sides. `is_staged` says that the rows
    are those of the staging table and have its made keys, not rows that are just being typed. -#}
{% macro lookups(entity, is_staged) %}
    {%- set definition = regulars.entity_definition(entity) -%}
    {%- set found = [] -%}
    {%- for name, asked in definition['looks_up'].items() -%}
        {%- if asked[0] == 'known' -%}
            {%- set parts = definition['keys'][asked[2]] -%}
            {%- set namespaces = [] -%}
            {%- for one in var('namespaces', {}).get(asked[1], []) -%}
                {%- do namespaces.append(regulars.text_literal(one)) -%}
            {%- endfor -%}
            {%- do found.append({
                'name': name, 'kind': 'known', 'entity': asked[1], 'key': asked[2],
                'value': 't.' ~ asked[2] if is_staged else 't.' ~ parts[0] ~ " || ':' || t." ~ parts[1],
                'namespace': 't.' ~ parts[0], 'namespaces': namespaces,
                'condition': asked[3] if asked | length > 3 else none,
            }) -%}
        {%- else -%}
            {%- do found.append({'name': name, 'kind': 'rate', 'currency': asked[1], 'time': asked[2]}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}

{#- `, <answer> as <name>` for each made column, to stand behind other columns of a SELECT. -#}
{% macro lookup_columns(entity, is_staged) -%}
    {%- for one in regulars.lookups(entity, is_staged) %},
        {% if one['kind'] == 'known' and not one['namespaces'] -%}
        cast(null as boolean) as {{ one['name'] }}
        {%- elif one['kind'] == 'known' -%}
        case
            when {{ one['value'] }} is null then null
            {%- if not is_staged %}
            when {{ one['namespace'] }} not in ({{ one['namespaces'] | join(', ') }}) then null
            {%- endif %}
            else {{ one['name'] }}_of.known_key is not null
        end as {{ one['name'] }}
        {%- else -%}
        case
            when {{ regulars.capital_letters('t.' ~ one['currency']) }} = company.currency then null
            {%- if one['time'] %}
            when t.{{ one['time'] }} is null then null
            {%- endif %}
            when t.{{ one['currency'] }} is not null then {{ one['name'] }}_of.currency is not null
        end as {{ one['name'] }}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}

{#- The joins behind lookup_columns, for rows under the alias t; none of them gives a row more than it had. -#}
{% macro lookup_joins(entity, is_staged) -%}
    {%- set found = regulars.lookups(entity, is_staged) -%}
    {%- if found | selectattr('kind', 'equalto', 'rate') | list %}
    cross join (
        select {{ regulars.capital_letters('currency') }} as currency from {{ source('meta', 'run_context') }}
    ) as company
    {%- endif -%}
    {%- for one in found -%}
        {%- if one['kind'] == 'known' and one['namespaces'] %}
    left join (
        select distinct {{ one['key'] }} as known_key
        from {{ ref('stg_all__' ~ one['entity']) }}
        where {{ one['key'] }} is not null and reject_reason is null
        {%- if one['condition'] %} and {{ one['condition'] }}{% endif %}
    ) as {{ one['name'] }}_of on {{ one['value'] }} = {{ one['name'] }}_of.known_key
        {%- elif one['kind'] == 'rate' and one['time'] %}
    left join {{ ref('int_exchange_rates') }} as {{ one['name'] }}_of
        on
            {{ regulars.capital_letters('t.' ~ one['currency']) }} = {{ one['name'] }}_of.currency
            and cast(t.{{ one['time'] }} as date) = {{ one['name'] }}_of.day
        {%- elif one['kind'] == 'rate' %}
    left join (select distinct currency from {{ ref('int_exchange_rates') }}) as {{ one['name'] }}_of
        on {{ regulars.capital_letters('t.' ~ one['currency']) }} = {{ one['name'] }}_of.currency
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}
