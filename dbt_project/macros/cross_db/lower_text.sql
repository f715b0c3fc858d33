{#-
  A text in small letters, letter by letter. Null for null. Java follows the rules of whole words: a capital sigma at
  the end of a word gets its final form, and a dotted capital I becomes two characters.
-#}
{% macro lower_text(expression) -%}
    {{ return(adapter.dispatch('lower_text', 'regulars')(expression)) }}
{%- endmacro %}

{% macro default__lower_text(expression) -%}
    lower({{ expression }})
{%- endmacro %}

{% macro spark__lower_text(expression) -%}
    lower(translate({{ expression }}, '\u0130\u03a3', 'i\u03c3'))
{%- endmacro %}
