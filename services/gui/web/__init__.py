"""Routes with their permissions, and what happens between a request and its handler."""
