"""Other tools' files as Python scripts: `fastbench convert`."""
