"""charactercount: counts the characters of a request. The template for your own processor."""
