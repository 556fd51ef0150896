"""The journal: records on disk that the bus has not acknowledged, of this process and of processes that died."""
