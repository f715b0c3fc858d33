{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key='record_key',
    on_schema_change='sync_all_columns', pre_hook='{{ forget_outdated_rows() }}'
) }}

{{ staged_entity('products') }}
