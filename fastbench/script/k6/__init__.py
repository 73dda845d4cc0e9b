"""Scripts of k6, as they stand: what they import, over our own client and metrics."""
