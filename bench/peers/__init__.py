"""Other gateways, measured on their plain proxy path where they are installed. One file each; gl does not need them."""
