{#- The rules of one entity, in the order of the rules files; all rules when no entity is named. Each has its
    condition, as staging applies it, under `sql`. -#}
{% macro rules_of(entity=none) %}
    {%- set found = [] -%}
    {%- for rule in var('rules') -%}
        {%- if entity is none or rule['entity'] == entity -%}
            {%- set one = {} -%}
            {%- do one.update(rule) -%}
            {%- do one.update({'sql': regulars.rule_condition(rule)}) -%}
            {%- do found.append(one) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}

{#- A rule's own SQL, or what its macro writes. -#}
{% macro rule_sql(rule) %}
    {%- if rule.get('macro') -%}
        {{ return(regulars[rule['macro']](*rule.get('arguments', [])) | trim) }}
    {%- endif -%}
    {{ return(rule['sql']) }}
{% endmacro %}

{#- A rule's condition as staging applies it. What could not be read, or what the source's own rules set
    aside, has reject_reason and fails <entity>_readable alone: its other columns hold nothing to judge, and one defect
    must not cost many rules. -#}
{% macro rule_condition(rule) %}
    {%- set sql = regulars.rule_sql(rule) -%}
    {{ return(sql if 'reject_reason' in sql else 'reject_reason is not null or (' ~ sql ~ ')') }}
{% endmacro %}
