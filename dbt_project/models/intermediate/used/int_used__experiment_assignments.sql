{{ config(materialized='view', tags=['phase_staging']) }}

{{ rows_in_use('experiment_assignments') }}
