{#-
  A date of mails and old web APIs (RFC 2822: 'Tue, 31 Aug 2010 20:36:29 +0000') as ISO 8601 text with its offset. What
  is written in any other way is handed on as it is.
-#}
{% macro rfc_2822_text(expression) -%}
    {%- set months = 'JanFebMarAprMayJunJulAugSepOctNovDec' -%}
    {%- set numbers = '01 02 03 04 05 06 07 08 09 10 11 12' -%}
    {%- set names = '(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)' -%}
    {%- set clock = '[0-9]{2}:[0-9]{2}:[0-9]{2}' -%}
    case
        when {{ regulars.matches(
            expression, '^[A-Z][a-z][a-z], [0-9]{2} ' ~ names ~ ' [0-9]{4} ' ~ clock ~ ' ([+-][0-9]{4}|GMT|UTC)$'
        ) }}
            then
                substr({{ expression }}, 13, 4) || '-'
                || substr('{{ numbers }}', position(substr({{ expression }}, 9, 3) in '{{ months }}'), 2) || '-'
                || substr({{ expression }}, 6, 2) || 'T' || substr({{ expression }}, 18, 8)
                || case
                    when substr({{ expression }}, 27, 1) in ('+', '-')
                        then substr({{ expression }}, 27, 3) || ':' || substr({{ expression }}, 30, 2)
                    else 'Z'
                end
        else {{ expression }}
    end
{%- endmacro %}
