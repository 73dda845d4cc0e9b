"""How connections reach the server: names and addresses, certificates, proxies, readiness."""
