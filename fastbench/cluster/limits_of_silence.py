"""How long parent and machines wait for each other."""

BEAT_S = 1.0  # between two signs of life, whatever else is said
LOST_S = 4.5  # of silence: the other side is lost
ANSWER_S = 15.0  # for an answer to a question; a machine that takes longer is lost
