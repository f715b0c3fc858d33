"""E-mail services: campaigns, recipients, and what happened to every mail."""
