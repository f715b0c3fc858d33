{{ config(**staging_settings()) }}

{{ staged_entity('partner_contacts') }}
