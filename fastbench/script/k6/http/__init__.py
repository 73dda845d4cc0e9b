"""k6/http over our client: requests with their params, responses, cookies and addresses."""
