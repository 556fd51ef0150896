"""The ledger: one row per call in SQL, made from the records, and the questions that people ask of it.

`record_reader` turns a record into rows, `writer` stores them, `queries` answers questions. SQLAlchemy is imported by
`tables` and what stands on it, never by this module, so that a config can name the ledger without loading it.
"""
