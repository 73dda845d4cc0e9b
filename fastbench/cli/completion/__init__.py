"""Completion of the command line in bash, zsh and fish, written from the tables of flags."""
