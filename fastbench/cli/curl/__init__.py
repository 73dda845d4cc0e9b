"""`fastbench [flags] curl …`: a command copied from a browser, read as flags of ours."""
