"""entities: finds what requests and answers name: people, places, dates, addresses."""
