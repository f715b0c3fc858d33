"""Telephone and service desk systems."""
