"""What everything stands on: units, redaction, signals, errors in words, exit codes."""
