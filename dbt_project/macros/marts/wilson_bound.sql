{#-
  The lower or upper end of Wilson's score interval for a share, as wide as the threshold confidence_z says (Wilson
  1927, "Probable inference, the law of succession, and statistical inference"). It stays between 0 and 1, also for one
  observation. For the mean of numbers between 0 and 1 it is wider than need be, since no such numbers vary more than
  zeros and ones of the same mean.

  share   a double from 0 to 1, or null.
  trials  how many observations it is of.
  end     low or high.
  Null without observations.
-#}
{% macro wilson_bound(share, trials, end) -%}
    {%- set z = threshold('confidence_z') -%}
    {%- set n = 'nullif(cast(' ~ trials ~ ' as double), 0)' -%}
    {%- set z2 = '(cast(' ~ z ~ ' as double) * ' ~ z ~ ')' -%}
    {{ regulars.rounded(
        '(' ~ share ~ ' + ' ~ z2 ~ ' / (2 * ' ~ n ~ ') ' ~ ('-' if end == 'low' else '+') ~ ' cast(' ~ z
        ~ ' as double) * power(' ~ share ~ ' * (1 - ' ~ share ~ ') / ' ~ n ~ ' + ' ~ z2 ~ ' / (4 * ' ~ n ~ ' * ' ~ n
        ~ '), 0.5)) / (1 + ' ~ z2 ~ ' / ' ~ n ~ ')', 6
    ) }}
{%- endmacro %}
