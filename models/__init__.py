"""Predictive models: frames in, frames out, no input or output of their own.

`models.identity` says which records are one customer; `models.lifetime_value` says what a customer is worth.
"""
