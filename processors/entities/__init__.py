"""entities: finds entities in requests and responses: people, places, dates, addresses."""
