"""One run of URLs: the parent, its workers, and the sums over them."""
