{#- The kinds of segments that every customer has, and the columns of int_customer_segments that hold them. -#}
{% macro segment_kinds() %}
    {{ return({
        'value': 'value_segment', 'strategic': 'strategic_segment', 'lifecycle': 'lifecycle_stage',
        'loyalty': 'loyalty_tier', 'behaviour': 'behaviour_segment', 'category': 'category_segment',
        'channel': 'channel_segment', 'price': 'price_segment', 'engagement': 'engagement_segment',
    }) }}
{% endmacro %}

{#- Those of them that are ladders: their segments have ranks (seed segment_ranks), and a customer moves up or down. -#}
{% macro ladder_kinds() %}
    {{ return(['value', 'strategic', 'lifecycle', 'loyalty']) }}
{% endmacro %}
