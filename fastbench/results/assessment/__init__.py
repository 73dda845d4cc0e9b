"""What a result says of itself: who was the limit, what it is too short to tell, what is odd."""
