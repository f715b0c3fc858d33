{{ config(materialized='view', tags=['phase_staging']) }}

{{ rows_in_use('partner_links') }}
