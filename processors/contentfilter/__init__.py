"""contentfilter: classifies message text and blocks toxic calls."""
