"""Where Python stops: connections, HTTP, histograms and shared memory in Cython."""
