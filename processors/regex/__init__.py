"""regex: finds a pattern in the text of an answer, and adds what it found to the answer."""
