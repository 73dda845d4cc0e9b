"""Scripts of k6, read as a syntax tree: nothing of them is run."""
