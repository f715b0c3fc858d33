{{ staged_entity('campaigns') }}
