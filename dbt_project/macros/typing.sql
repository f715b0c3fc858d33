{#- How a received text becomes a value. What cannot be read for certain becomes null and is never guessed: the text
    stays beside it as `<column>_text`, and a rule says so. -#}

{#- Trimmed; an empty text is no value. -#}
{% macro typed_text(expression) -%}
    nullif({{ regulars.trimmed(expression) }}, '')
{%- endmacro %}

{#- Plain numbers ('12', '-3.50', '.5', '1e3') and thousands set apart by blanks ('1 234.50', also no-break blanks).
    A comma is null: whether '1.234' or '1,234' means a thousand is for the mapping to say (decimal_comma). -#}
{% macro typed_decimal(expression, type='decimal(18, 4)') -%}
    {#- U+00A0 and U+202F are blanks that spreadsheets put between thousands. -#}
    {%- set plain = regulars.trimmed("translate(" ~ expression ~ ", '\u00a0\u202f\t', '   ')") -%}
    case
        when {{ regulars.matches(plain, '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9][0-9]?)?$') }}
            then {{ regulars.try_cast_text(plain, type) }}
        when {{ regulars.matches(plain, '^[+-]?[0-9][0-9]?[0-9]?( [0-9][0-9][0-9])+([.][0-9]*)?$') }}
            then {{ regulars.try_cast_text("replace(" ~ plain ~ ", ' ', '')", type) }}
    end
{%- endmacro %}

{#- Whole numbers, also written '12.0'; '12.5' is null rather than rounded. -#}
{% macro typed_integer(expression) -%}
    case
        when {{ regulars.matches(regulars.trimmed(expression), '^[+-]?[0-9]+([.]0*)?$') }}
            then {{ regulars.try_cast_text(regulars.before_dot(regulars.trimmed(expression)), 'bigint') }}
    end
{%- endmacro %}

{% macro before_dot(expression) -%}
    split_part({{ expression }}, '.', 1)
{%- endmacro %}

{% macro typed_boolean(expression) -%}
    case
        when {{ regulars.lower_text(regulars.trimmed(expression)) }} in ('true', 't', 'yes', 'y', 'on', '1') then true
        when {{ regulars.lower_text(regulars.trimmed(expression)) }} in ('false', 'f', 'no', 'n', 'off', '0') then false
    end
{%- endmacro %}

{#- A calendar day: 'YYYY-MM-DD', also followed by a time, which is dropped. Years 1000 to 2999: what lies outside is
    a slip of the pen, and many readers cannot hold it. -#}
{% macro typed_date(expression) -%}
    case
        when {{ regulars.matches(regulars.trimmed(expression), '^[12][0-9]{3}-[0-9]{2}-[0-9]{2}([T ].*)?$') }}
            then {{ regulars.try_cast_text('substr(' ~ regulars.trimmed(expression) ~ ', 1, 10)', 'date') }}
    end
{%- endmacro %}

{#- A point in time as UTC: ISO with 'T' or a blank, seconds and fraction optional, with an offset or in the given time
    zone; a date alone is its midnight there; 10 digits are seconds and 13 digits milliseconds since 1970. Years as for
    dates. Any other way of writing is null: the mapping has `format` for it. -#}
{% macro typed_timestamp(expression, time_zone) -%}
    {%- set plain = regulars.trimmed(expression) -%}
    {%- set day = '^[12][0-9]{3}-[0-9]{2}-[0-9]{2}' -%}
    {%- set clock = '[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?' -%}
    case
        when {{ regulars.matches(plain, day ~ '(' ~ clock ~ ')?$') }}
            then {{ regulars.local_to_utc(regulars.iso_text_to_timestamp(plain), time_zone) }}
        when {{ regulars.matches(plain, day ~ clock ~ '(Z| ?UTC| ?[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)$') }}
            then {{ regulars.offset_text_to_utc(plain) }}
        when {{ regulars.matches(plain, '^[0-9]{10}([.][0-9]{1,6})?$') }}
            then {{ regulars.epoch_to_utc(regulars.try_cast_text(plain, 'decimal(18, 6)')) }}
        when {{ regulars.matches(plain, '^[0-9]{13}$') }}
            then {{ regulars.epoch_to_utc(regulars.try_cast_text(plain, 'decimal(18, 0)') ~ ' / 1000') }}
    end
{%- endmacro %}

{#- The letters a to z as capitals, everything else as it is: engines disagree about what the capital of an ß is. -#}
{% macro capital_letters(expression) -%}
    translate({{ expression }}, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')
{%- endmacro %}
