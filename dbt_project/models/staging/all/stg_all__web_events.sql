{{ config(**staging_settings()) }}

{{ staged_entity('web_events') }}
