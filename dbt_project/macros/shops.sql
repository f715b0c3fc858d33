{#- What the models of the shops' systems have in common: numbers in JSON, ids, and whether a total adds up. -#}

{#- The number at a path of a JSON text as decimal(18, 4); null where there is none. -#}
{% macro number_in_json(expression, path) -%}
    {{ regulars.number_of(regulars.json_text(expression, path)) }}
{%- endmacro %}

{#- A text as decimal(18, 4); null where it is no number. -#}
{% macro number_of(expression) -%}
    {{ regulars.try_cast_text(expression, 'decimal(18, 4)') }}
{%- endmacro %}

{#- Why an order whose total is not the sum of its parts is set aside; null where it adds up in any of the given ways,
    or a part is not known. `extras` is what a shop may count into its total or beside it: tips, duties. Shops round
    line by line and tax by tax: a thousandth of the total, and five hundredths, are no error. -#}
{% macro total_reason(total, ways, extras='0') -%}
    case
        when
            {%- for parts in ways %}
            abs({{ total }} - ({{ parts }})) > 0.05 + abs({{ total }}) / 1000
            and abs({{ total }} - ({{ parts }}) - ({{ extras }})) > 0.05 + abs({{ total }}) / 1000
            {{- ' and' if not loop.last }}
            {%- endfor %}
            then 'the total ' || cast({{ total }} as {{ dbt.type_string() }}) || ' is not the sum of its parts, '
                || cast({{ ways[0] }} as {{ dbt.type_string() }})
    end
{%- endmacro %}

{#- Shopify's id as its REST API writes it: '1' for '1' and for 'gid://shopify/Order/1'. -#}
{% macro shopify_id(expression) -%}
    case
        when {{ expression }} like 'gid://%' then split_part(split_part({{ expression }}, '/', 5), '?', 1)
        else {{ expression }}
    end
{%- endmacro %}

{#- The elements of one of Shopify's GraphQL connections as a JSON list; a plain list is itself. An element is the
    record or, of edges, an object with the record as `node`: shopify_node. -#}
{% macro shopify_elements(expression) -%}
    coalesce(
        {{ regulars.json_text(expression, '$.nodes') }},
        {{ regulars.json_text(expression, '$.edges') }},
        {{ expression }}
    )
{%- endmacro %}

{% macro shopify_node(element) -%}
    coalesce({{ regulars.json_text(element, '$.node') }}, {{ element }})
{%- endmacro %}

{#- The amount in the shop's own currency of a money set. Its name tells which way it is written: `price_set` as REST
    writes it, `priceSet` as GraphQL does; without such a name, either. -#}
{% macro shop_money(expression, path='$') -%}
    {%- set rest = regulars.number_in_json(expression, path ~ '.shop_money.amount') -%}
    {%- set graphql = regulars.number_in_json(expression, path ~ '.shopMoney.amount') -%}
    {%- if path.endswith('_set') -%}{{ rest }}
    {%- elif path.endswith('Set') or expression.endswith('Set') -%}{{ graphql }}
    {%- else -%}coalesce({{ rest }}, {{ graphql }})
    {%- endif -%}
{%- endmacro %}

{#- Status of an order: called off and trial orders say so themselves, else what is paid. -#}
{% macro shopify_status(test, cancelled_at, financial_status) -%}
    case
        when {{ regulars.lower_text(test) }} = 'true' then 'test'
        when {{ cancelled_at }} is not null then 'cancelled'
        else {{ regulars.lower_text(financial_status) }}
    end
{%- endmacro %}

{#- Where an order was placed. Apps of other makers are named by their number, which is passed on. -#}
{% macro shopify_channel(source_name) -%}
    case
        when {{ source_name }} = 'pos' then 'store'
        when {{ source_name }} like 'subscription_contract%' then 'subscription'
        else {{ source_name }}
    end
{%- endmacro %}

{#- Which article a line sold: the variant; of a deleted one its SKU or its product; else the words of the line. -#}
{% macro shopify_product_id(variant_id, sku, product_id, title) -%}
    coalesce(
        {{ regulars.shopify_id(variant_id) }},
        'sku:' || {{ regulars.typed_text(sku) }},
        'product:' || {{ regulars.shopify_id(product_id) }},
        'custom:' || {{ regulars.typed_text(title) }}
    )
{%- endmacro %}

{#- A variant's name: the product's, and the variant's where it has one of its own. -#}
{% macro shopify_variant_name(product, variant) -%}
    {{ product }} || case when {{ variant }} <> 'Default Title' then ', ' || {{ variant }} else '' end
{%- endmacro %}

{#- A consent's status in the words of the contract; an unknown state is passed on for the rules to judge. -#}
{% macro shopify_consent_status(state) -%}
    case {{ regulars.lower_text(state) }}
        when 'subscribed' then 'granted'
        when 'unsubscribed' then 'denied'
        when 'not_subscribed' then 'denied'
        when 'pending' then 'pending'
        when 'invalid' then 'suppressed'
        when 'redacted' then 'suppressed'
        else {{ state }}
    end
{%- endmacro %}

{#- Whether a state is a consent: 'true', 'false', or null where nothing is said. -#}
{% macro shopify_consents(state) -%}
    case
        when {{ regulars.lower_text(state) }} = 'subscribed' then 'true'
        when {{ state }} is not null then 'false'
    end
{%- endmacro %}

{#- A time of WooCommerce: the one in UTC, which it writes without an offset; else the shop's own. -#}
{% macro woocommerce_time(gmt, local) -%}
    coalesce({{ regulars.typed_text(gmt) }} || 'Z', {{ local }})
{%- endmacro %}

{#- The article of a line: the variation, else the product; of one that is in no catalogue, its SKU or its words. -#}
{% macro woocommerce_product_id(line) -%}
    coalesce(
        nullif({{ regulars.typed_text(regulars.json_text(line, '$.variation_id')) }}, '0'),
        nullif({{ regulars.typed_text(regulars.json_text(line, '$.product_id')) }}, '0'),
        'sku:' || {{ regulars.typed_text(regulars.json_text(line, '$.sku')) }},
        'custom:' || {{ regulars.typed_text(regulars.json_text(line, '$.name')) }}
    )
{%- endmacro %}

{#- An amount that WooCommerce gives without tax, in a shop whose prices include it: with its tax. Null without
    amount. -#}
{% macro woocommerce_amount(json, amount, tax, with_tax) -%}
    {{ regulars.number_in_json(json, '$.' ~ amount) }} + case
        when {{ with_tax }} then coalesce({{ regulars.number_in_json(json, '$.' ~ tax) }}, 0) else 0
    end
{%- endmacro %}

{#- The price of one piece so that pieces times price is never below the amount: what is above it, by rounding up
    to four decimals, goes into the discount, and the line comes to its amount exactly. -#}
{% macro price_of_one(amount, pieces) -%}
    {{ regulars.try_cast_text(
        'ceil(cast(' ~ amount ~ ' as double) * 10000 / cast(nullif(' ~ pieces ~ ', 0) as double) - 0.000001) / 10000',
        'decimal(18, 4)'
    ) }}
{%- endmacro %}

{#- All that a refund of WooCommerce names, tax included: its goods, its shipping, its fees, as JSON lists. -#}
{% macro woocommerce_named(line_items, shipping_lines, fee_lines) -%}
    {%- set all_of_it -%}
        abs(coalesce({{ regulars.number_in_json('i', '$.total') }}, 0))
        + abs(coalesce({{ regulars.number_in_json('i', '$.total_tax') }}, 0))
    {%- endset -%}
    {%- for list in (line_items, shipping_lines, fee_lines) -%}
        coalesce({{ regulars.sum_in_json(list, 'i', all_of_it) }}, 0){{ ' + ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- The same of a refund that is JSON itself. -#}
{% macro woocommerce_named_in(refund) -%}
    {{ regulars.woocommerce_named(
        regulars.json_text(refund, '$.line_items'),
        regulars.json_text(refund, '$.shipping_lines'),
        regulars.json_text(refund, '$.fee_lines')
    ) }}
{%- endmacro %}

{#- What tells a variation from its product: the first three of its attributes, for concat_ws. -#}
{% macro woocommerce_options(attributes) -%}
    {%- for place in (0, 1, 2) -%}
        {{ regulars.typed_text(regulars.json_text(attributes, '$[' ~ place ~ '].option')) }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
