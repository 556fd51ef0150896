"""One request to one candidate: the value, its outcome, and whether another attempt follows."""
