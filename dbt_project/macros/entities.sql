{#-
  The entities that sources are mapped to: the one place that says what a column is.

  Per entity:
    key          the column that names a record within its source
    time         the time a record speaks of, in staging's columns: how far a source has come
    updated_at   the column that says which of two versions of a record is the newer one (optional)
    grows        true: events and records that keep coming, so the model takes new batches only
    columns      column -> type, in order. Types:
                   text       trimmed, empty is null
                   timestamp  UTC; a time without offset is in the source's time zone
                   date       calendar day, never moved by a time zone
                   decimal    decimal(18, 4)
                   rate       decimal(18, 8)
                   integer    whole numbers
                   boolean    true/false, yes/no, y/n, t/f, on/off, 1/0
                   email      the judged, normalised address
                   phone      the judged number in E.164
                   country    the judged country as two letters of ISO 3166
                   postcode   the judged postcode as its country writes it
                   name       the judged name
    keys         made key -> [column that gives the namespace: source, accounts_of or products_of; id column]
    record_ref   [prefix, column] in order of trust: who this record is about (absent: the entity is about nobody)
    renamed      column of the mapping -> column of staging, where the plain name is taken
    defaults     column -> SQL for rows that bring no value; a value that cannot be read gets none
                 A link's id: who, as what, to whom or what, since when; null unless all but the last are there, so that
                 two links that say nothing are not one. A hash, because a customer may be named by e-mail.
    looks_up     made column for rules -> what it asks of other records (see lookups.sql):
                   ['known', entity, key column]  whether the record that the key names was received; null where the
                                                  record names none, or no source delivers such records
                   ['known', entity, key column, condition]  the same of records that fulfil a condition over the
                                                  columns of that entity's staging
                   ['rate', currency, time]       whether an amount in that currency has a rate on that day; null in the
                                                  company's own currency, and without a time
                   ['rate', currency, none]       the same for any day at all
    watch        what is compared with the past, day by day (see profiles.sql and docs/anomalies.md); all optional:
                   time        the time that says a record's day; none: the day it was loaded. Absent: `time`. It should
                               not move when the record changes, or days that are past lose their records
                   on          a date that is the day itself, which no time zone moves
                   time_of     [entity, key, time]: a record without a time takes that of the one it belongs to
                   categories  columns with few values, none of them about a person
                   numbers     columns whose size is compared
                   settles     columns that are filled in or changed later: a young day differs from an old one in them
-#}
{% macro entities() %}
    {%- set entities = {
        'customers': {
            'key': 'account_id',
            'time': 'coalesce(updated_at, created_at)',
            'updated_at': 'updated_at',
            'grows': true,
            'columns': {
                'account_id': 'text', 'email': 'email', 'phone': 'phone', 'loyalty_card': 'text',
                'first_name': 'name', 'last_name': 'name', 'full_name': 'name', 'company_name': 'text',
                'birth_date': 'date', 'gender': 'text', 'street': 'text', 'city': 'text', 'postal_code': 'postcode',
                'region': 'text', 'country_code': 'country', 'language': 'text', 'email_consent': 'boolean',
                'sms_consent': 'boolean', 'phone_consent': 'boolean', 'created_at': 'timestamp',
                'updated_at': 'timestamp',
            },
            'keys': {'account_key': ['accounts_of', 'account_id']},
            'record_ref': [['account', 'account_id'], ['email', 'email'], ['phone', 'phone'], ['card', 'loyalty_card']],
            'watch': {
                'time': 'coalesce(created_at, updated_at)', 'categories': ['country_code', 'language'],
                'settles': ['updated_at', 'email_consent', 'sms_consent', 'phone_consent'],
            },
        },
        'products': {
            'key': 'product_id',
            'time': 'updated_at',
            'updated_at': 'updated_at',
            'grows': true,
            'columns': {
                'product_id': 'text', 'sku': 'text', 'product_name': 'text', 'category': 'text',
                'unit_cost': 'decimal', 'unit_price': 'decimal', 'currency': 'text', 'updated_at': 'timestamp',
            },
            'keys': {'product_key': ['products_of', 'product_id']},
            'defaults': {'currency': '_currency'},
            'looks_up': {'has_rate': ['rate', 'currency', none]},
            'watch': {'time': none, 'settles': ['updated_at']},
        },
        'orders': {
            'key': 'order_id',
            'time': 'ordered_at',
            'updated_at': 'updated_at',
            'grows': true,
            'columns': {
                'order_id': 'text', 'account_id': 'text', 'email': 'email', 'phone': 'phone',
                'loyalty_card': 'text', 'buyer_first_name': 'text', 'buyer_last_name': 'text',
                'buyer_company_name': 'text', 'buyer_street': 'text', 'buyer_city': 'text',
                'buyer_postal_code': 'text', 'buyer_country_code': 'text', 'ordered_at': 'timestamp',
                'status': 'text', 'channel': 'text', 'store_id': 'text', 'currency': 'text',
                'gross_amount': 'decimal', 'discount_amount': 'decimal', 'shipping_amount': 'decimal',
                'tax_amount': 'decimal', 'total_amount': 'decimal', 'refund_amount': 'decimal',
                'campaign_id': 'text', 'updated_at': 'timestamp',
            },
            'keys': {
                'order_key': ['source', 'order_id'],
                'account_key': ['accounts_of', 'account_id'],
                'campaign_key': ['source', 'campaign_id'],
            },
            'record_ref': [['account', 'account_id'], ['email', 'email'], ['phone', 'phone'], ['card', 'loyalty_card']],
            'defaults': {'currency': '_currency'},
            'looks_up': {
                'account_is_known': ['known', 'customers', 'account_key'],
                'has_rate': ['rate', 'currency', 'ordered_at'],
            },
            'watch': {
                'categories': ['channel', 'currency', 'store_id'], 'numbers': ['gross_amount', 'discount_amount'],
                'settles': ['status', 'refund_amount', 'updated_at'],
            },
        },
        'order_lines': {
            'key': 'order_line_id',
            'time': 'ordered_at',
            'updated_at': 'updated_at',
            'grows': true,
            'columns': {
                'order_line_id': 'text', 'order_id': 'text', 'product_id': 'text', 'sku': 'text',
                'line_kind': 'text', 'quantity': 'decimal', 'unit_price': 'decimal',
                'discount_amount': 'decimal', 'is_return': 'boolean', 'currency': 'text',
                'ordered_at': 'timestamp', 'updated_at': 'timestamp',
            },
            'keys': {'order_key': ['source', 'order_id'], 'product_key': ['products_of', 'product_id']},
            'defaults': {'currency': '_currency', 'line_kind': "'product'"},
            'looks_up': {
                'product_is_known': ['known', 'products', 'product_key'],
                'has_rate': ['rate', 'currency', 'ordered_at'],
            },
            'watch': {
                'time_of': ['orders', 'order_key', 'ordered_at'],
                'categories': ['line_kind', 'currency'], 'numbers': ['quantity', 'unit_price'],
                'settles': ['is_return', 'updated_at'],
            },
        },
        'email_events': {
            'key': 'event_id',
            'time': 'occurred_at',
            'grows': true,
            'columns': {
                'event_id': 'text', 'message_id': 'text', 'campaign_id': 'text', 'email': 'email',
                'account_id': 'text', 'event': 'text', 'occurred_at': 'timestamp', 'url': 'text',
                'user_agent': 'text', 'ip_address': 'text', 'is_machine': 'boolean',
            },
            'keys': {'campaign_key': ['source', 'campaign_id'], 'account_key': ['accounts_of', 'account_id']},
            'record_ref': [['account', 'account_id'], ['email', 'email']],
            'watch': {'categories': ['event', 'is_machine']},
        },
        'campaigns': {
            'key': 'campaign_id',
            'time': 'started_at',
            'updated_at': 'updated_at',
            'grows': false,
            'columns': {
                'campaign_id': 'text', 'campaign_name': 'text', 'channel': 'text', 'subject': 'text',
                'started_at': 'timestamp', 'cost_amount': 'decimal', 'currency': 'text', 'updated_at': 'timestamp',
            },
            'keys': {'campaign_key': ['source', 'campaign_id']},
            'defaults': {'currency': '_currency'},
            'looks_up': {
                'has_rate': ['rate', 'currency', 'started_at'],
                'has_any_rate': ['rate', 'currency', none],
            },
            'watch': {'settles': ['cost_amount', 'updated_at']},
        },
        'exchange_rates': {
            'key': 'rate_id',
            'time': 'cast(day as timestamp)',
            'updated_at': 'updated_at',
            'grows': true,
            'columns': {
                'rate_id': 'text', 'from_currency': 'text', 'to_currency': 'text', 'day': 'date', 'rate': 'rate',
                'updated_at': 'timestamp',
            },
            'defaults': {'rate_id': "r.from_currency || '-' || r.to_currency || '-' || r.day"},
            'watch': {'on': 'day', 'categories': ['from_currency'], 'settles': ['updated_at']},
        },
        'calls': {
            'key': 'call_id',
            'time': 'started_at',
            'updated_at': 'updated_at',
            'grows': true,
            'columns': {
                'call_id': 'text', 'phone': 'phone', 'account_id': 'text', 'direction': 'text',
                'started_at': 'timestamp', 'wait_seconds': 'integer', 'talk_seconds': 'integer',
                'outcome': 'text', 'reason': 'text', 'agent_id': 'text', 'satisfaction': 'decimal',
                'queue': 'text', 'recording_url': 'text', 'recording_seconds': 'integer', 'part_of': 'text',
                'updated_at': 'timestamp',
            },
            'keys': {'account_key': ['accounts_of', 'account_id']},
            'record_ref': [['account', 'account_id'], ['phone', 'phone']],
            'watch': {
                'categories': ['direction', 'outcome', 'reason', 'queue'], 'numbers': ['wait_seconds', 'talk_seconds'],
                'settles': ['satisfaction', 'recording_url', 'recording_seconds', 'updated_at'],
            },
        },
        'tickets': {
            'key': 'ticket_id',
            'time': 'coalesce(updated_at, created_at)',
            'updated_at': 'updated_at',
            'grows': true,
            'columns': {
                'ticket_id': 'text', 'account_id': 'text', 'email': 'email', 'phone': 'phone', 'channel': 'text',
                'subject': 'text', 'status': 'text', 'priority': 'text', 'created_at': 'timestamp',
                'solved_at': 'timestamp', 'first_reply_at': 'timestamp', 'satisfaction': 'decimal',
                'agent_id': 'text', 'part_of': 'text', 'updated_at': 'timestamp',
            },
            'keys': {'account_key': ['accounts_of', 'account_id']},
            'record_ref': [['account', 'account_id'], ['email', 'email'], ['phone', 'phone']],
            'watch': {
                'time': 'created_at', 'categories': ['channel', 'priority'],
                'settles': ['status', 'solved_at', 'first_reply_at', 'satisfaction', 'agent_id', 'updated_at'],
            },
        },
        'consents': {
            'key': 'consent_id',
            'time': 'occurred_at',
            'grows': true,
            'columns': {
                'consent_id': 'text', 'account_id': 'text', 'email': 'email', 'phone': 'phone', 'channel': 'text',
                'purpose': 'text', 'status': 'text', 'occurred_at': 'timestamp', 'origin': 'text',
            },
            'keys': {'account_key': ['accounts_of', 'account_id']},
            'record_ref': [['account', 'account_id'], ['email', 'email'], ['phone', 'phone']],
            'defaults': {'purpose': "'marketing'"},
            'watch': {'categories': ['channel', 'purpose', 'status']},
        },
        'surveys': {
            'key': 'response_id',
            'time': 'responded_at',
            'updated_at': 'updated_at',
            'grows': true,
            'columns': {
                'response_id': 'text', 'account_id': 'text', 'email': 'email', 'phone': 'phone', 'kind': 'text',
                'score': 'decimal', 'scale_min': 'decimal', 'scale_max': 'decimal', 'asked_at': 'timestamp',
                'responded_at': 'timestamp', 'order_id': 'text', 'call_id': 'text', 'ticket_id': 'text',
                'product_id': 'text', 'agent_id': 'text', 'channel': 'text', 'updated_at': 'timestamp',
            },
            'keys': {
                'account_key': ['accounts_of', 'account_id'],
                'order_key': ['source', 'order_id'],
                'product_key': ['products_of', 'product_id'],
            },
            'record_ref': [['account', 'account_id'], ['email', 'email'], ['phone', 'phone']],
            'defaults': {'kind': "'rating'"},
            'watch': {'categories': ['kind', 'channel'], 'numbers': ['score'], 'settles': ['updated_at']},
        },
        'experiment_assignments': {
            'key': 'assignment_id',
            'time': 'assigned_at',
            'updated_at': 'updated_at',
            'grows': true,
            'columns': {
                'assignment_id': 'text', 'experiment_id': 'text', 'arm': 'text', 'role': 'text',
                'planned_share': 'rate', 'account_id': 'text', 'email': 'email', 'phone': 'phone',
                'campaign_id': 'text', 'assigned_at': 'timestamp', 'updated_at': 'timestamp',
            },
            'keys': {
                'account_key': ['accounts_of', 'account_id'],
                'campaign_key': ['source', 'campaign_id'],
                'experiment_key': ['source', 'experiment_id'],
            },
            'record_ref': [['account', 'account_id'], ['email', 'email'], ['phone', 'phone']],
            'watch': {'categories': ['experiment_id', 'arm'], 'settles': ['updated_at']},
        },
        'subscriptions': {
            'key': 'subscription_id',
            'time': 'coalesce(updated_at, started_at)',
            'updated_at': 'updated_at',
            'grows': true,
            'columns': {
                'subscription_id': 'text', 'account_id': 'text', 'email': 'email', 'phone': 'phone', 'plan': 'text',
                'product_id': 'text', 'started_at': 'timestamp', 'ended_at': 'timestamp', 'period_months': 'integer',
                'price_amount': 'decimal', 'currency': 'text', 'status': 'text', 'updated_at': 'timestamp',
            },
            'keys': {
                'account_key': ['accounts_of', 'account_id'],
                'product_key': ['products_of', 'product_id'],
            },
            'record_ref': [['account', 'account_id'], ['email', 'email'], ['phone', 'phone']],
            'defaults': {'currency': '_currency', 'period_months': '1'},
            'looks_up': {'has_rate': ['rate', 'currency', 'started_at']},
            'watch': {
                'time': 'started_at', 'categories': ['plan', 'currency'], 'numbers': ['price_amount'],
                'settles': ['ended_at', 'status', 'updated_at'],
            },
        },
        'web_events': {
            'key': 'event_id',
            'time': 'occurred_at',
            'grows': true,
            'columns': {
                'event_id': 'text', 'visitor_id': 'text', 'account_id': 'text', 'email': 'email',
                'session_id': 'text', 'page_view_id': 'text', 'event': 'text', 'occurred_at': 'timestamp',
                'received_at': 'timestamp', 'page_url': 'text', 'page_title': 'text', 'referrer': 'text',
                'source': 'text', 'medium': 'text', 'campaign': 'text', 'user_agent': 'text',
                'is_bot': 'boolean', 'order_id': 'text',
            },
            'keys': {'account_key': ['accounts_of', 'account_id'], 'order_key': ['source', 'order_id']},
            'record_ref': [['account', 'account_id'], ['email', 'email']],
            'renamed': {'source': 'traffic_source'},
            'watch': {'categories': ['event', 'medium', 'is_bot']},
        },
        'partners': {
            'key': 'partner_id',
            'time': 'coalesce(updated_at, started_at)',
            'updated_at': 'updated_at',
            'grows': true,
            'columns': {
                'partner_id': 'text', 'partner_name': 'text', 'kind': 'text', 'email': 'email', 'phone': 'phone',
                'country_code': 'country', 'owner': 'text', 'agent_id': 'text', 'started_at': 'timestamp',
                'ended_at': 'timestamp', 'updated_at': 'timestamp',
            },
            'keys': {'partner_key': ['source', 'partner_id']},
            'watch': {'time': none, 'settles': ['owner', 'ended_at', 'updated_at']},
        },
        'partner_links': {
            'key': 'link_id',
            'time': 'coalesce(updated_at, valid_from)',
            'updated_at': 'updated_at',
            'grows': true,
            'columns': {
                'link_id': 'text', 'partner_id': 'text', 'role': 'text', 'account_id': 'text', 'email': 'email',
                'phone': 'phone', 'product_id': 'text', 'valid_from': 'timestamp', 'valid_to': 'timestamp',
                'updated_at': 'timestamp',
            },
            'keys': {
                'partner_key': ['source', 'partner_id'],
                'account_key': ['accounts_of', 'account_id'],
                'product_key': ['products_of', 'product_id'],
            },
            'defaults': {
                'link_id': "md5(r.partner_id || '|' || r.role || '|' || coalesce(r.account_id, r.email, r.phone, "
                    ~ "r.product_id) || '|' || coalesce(r.valid_from, ''))",
            },
            'looks_up': {
                'partner_is_known': ['known', 'partners', 'partner_key'],
                'partner_is_employee': [
                    'known', 'partners', 'partner_key',
                    "translate(kind, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz') = 'employee'",
                ],
                'account_is_known': ['known', 'customers', 'account_key'],
                'product_is_known': ['known', 'products', 'product_key'],
            },
            'watch': {'time': none, 'categories': ['role'], 'settles': ['valid_to', 'updated_at']},
        },
        'partner_contacts': {
            'key': 'contact_id',
            'time': 'contacted_at',
            'updated_at': 'updated_at',
            'grows': true,
            'columns': {
                'contact_id': 'text', 'partner_id': 'text', 'contacted_at': 'timestamp', 'channel': 'text',
                'direction': 'text', 'employee': 'text', 'reason': 'text', 'next_step_on': 'date',
                'updated_at': 'timestamp',
            },
            'keys': {'partner_key': ['source', 'partner_id']},
            'looks_up': {'partner_is_known': ['known', 'partners', 'partner_key']},
            'watch': {'categories': ['channel', 'direction'], 'settles': ['next_step_on', 'updated_at']},
        },
    } -%}
    {{ return(entities) }}
{% endmacro %}

{#- One entity's definition, with the optional entries filled in. -#}
{% macro entity_definition(entity) %}
    {%- set known = entities() -%}
    {%- if entity not in known -%}
        {{ exceptions.raise_compiler_error(
            "Unknown entity '" ~ entity ~ "'. Known: " ~ known.keys() | join(', ') ~ "."
        ) }}
    {%- endif -%}
    {%- set definition = {
        'updated_at': none, 'keys': {}, 'record_ref': [], 'renamed': {}, 'defaults': {}, 'looks_up': {}, 'watch': {},
    } -%}
    {%- do definition.update(known[entity]) -%}
    {{ return(definition) }}
{% endmacro %}

{#- The columns that a rule's SQL may use, with their types: those of the CTE `typed` of staging and what is
    looked up. -#}
{% macro rule_columns(entity) %}
    {%- set types = {
        'timestamp': 'timestamp', 'date': 'date', 'decimal': 'decimal(18, 4)', 'rate': 'decimal(18, 8)',
        'integer': 'bigint', 'boolean': 'boolean',
    } -%}
    {%- set text = dbt.type_string() -%}
    {%- set definition = regulars.entity_definition(entity) -%}
    {%- set columns = {
        'source': text, 'source_channel': text, 'dataset': text, 'loaded_at': 'timestamp', 'reject_reason': text,
    } -%}
    {%- for column, type in definition['columns'].items() -%}
        {%- set name = definition['renamed'].get(column, column) -%}
        {%- do columns.update({name: types.get(type, text)}) -%}
        {%- if type != 'text' -%}{%- do columns.update({name ~ '_text': text}) -%}{%- endif -%}
        {%- for flag in regulars.judged_flags(type) -%}
            {%- do columns.update({name ~ '_' ~ flag: 'boolean'}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for name in definition['looks_up'] -%}{%- do columns.update({name: 'boolean'}) -%}{%- endfor -%}
    {{ return(columns) }}
{% endmacro %}
