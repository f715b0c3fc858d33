{{ config(**staging_settings()) }}

{{ staged_entity('experiment_assignments') }}
