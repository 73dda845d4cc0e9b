"""The pages of help: what most people need first, every flag of every command, and topics."""
