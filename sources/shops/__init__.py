"""Shops: what their systems call an order, a customer and a product, and how they are asked for them."""
