"""contentfilter: classifies what is said, and stops calls whose message is toxic."""
