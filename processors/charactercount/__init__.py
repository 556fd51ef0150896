"""charactercount: counts the characters of a request. The template for a processor of one's own."""
