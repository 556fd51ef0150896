"""Request and response bodies: decoding, transforms, and the captured copy for the record."""
