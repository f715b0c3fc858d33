{{ config(**staging_settings()) }}

{{ staged_entity('partners') }}
