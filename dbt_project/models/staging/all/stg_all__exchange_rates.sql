{{ config(**staging_settings()) }}

{{ staged_entity('exchange_rates') }}
