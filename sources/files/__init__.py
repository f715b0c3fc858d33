"""The files source: any shop, e-mail, call or web export, brought in as received and mapped to entities."""
