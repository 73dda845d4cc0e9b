"""What was found: results and their document, thresholds, the outcome, and runs that are stored."""
