{{ staged_entity('products') }}
