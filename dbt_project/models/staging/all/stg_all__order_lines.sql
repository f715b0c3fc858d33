{{ config(**staging_settings()) }}

{{ staged_entity('order_lines') }}
