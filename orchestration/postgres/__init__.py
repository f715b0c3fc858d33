"""PostgreSQL as a place to publish to: marts copied in bulk, swapped in one transaction, with roles that read them.

`publication.publish` is the way in; `connection` speaks to the server; `store` has the tables behind the views, and
`pseudonyms` says what a person's data becomes where nobody may see it.
"""
