"""What a result shows: the bottleneck, what it is too short to tell, what is unusual."""
