"""regex: searches the text of a response for a pattern, and adds the matches to the payload."""
