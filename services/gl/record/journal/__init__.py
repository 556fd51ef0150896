"""The journal: records on disk that the bus has not acknowledged, in files of this process and of dead ones."""
