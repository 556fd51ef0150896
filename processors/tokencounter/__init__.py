"""tokencounter: reads token usage out of answers, and stops routers that used up their share."""
