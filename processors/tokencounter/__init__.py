"""tokencounter: reads token usage from responses, and stops routers that have reached their cap."""
