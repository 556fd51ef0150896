"""The way of records to the bus: accepted, sent, acknowledged; or kept in the backlog until they can be sent."""
