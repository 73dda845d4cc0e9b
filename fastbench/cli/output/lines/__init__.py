"""How a command goes, a line every so often, where no terminal is there to draw on."""
