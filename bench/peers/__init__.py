"""Other gateways, measured on their plain proxy path if they are installed. gl does not need them."""
