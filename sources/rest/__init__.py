"""Sources with an API: a client over dlt's, pages that land as files, and rows with their cursor in one transaction."""
