"""Prices of the operator: the file prices.json beside gl_config.json, checked, watched and put in force."""
