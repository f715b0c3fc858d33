"""Call centres: telephone calls, requests to the service desk, and who answered them."""
