"""A made-up company of any size in the formats of the systems that companies really have, with the truth about it."""
