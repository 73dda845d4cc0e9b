"""From a file to a plan: the script, its options, and what the command line makes of them."""
