"""Where what is written goes: formats, files, the live view."""
