"""What to do: the plan of a run, its URLs, requests and certificates, and where names lead."""
