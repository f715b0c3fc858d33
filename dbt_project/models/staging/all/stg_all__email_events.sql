{{ config(**staging_settings()) }}

{{ staged_entity('email_events') }}
