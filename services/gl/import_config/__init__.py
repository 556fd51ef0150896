"""Imports the config of another gateway: `python -m services.gl.import_config FILE`.

Reads the `config.yml` of llm-gateway (all its forms), the `config.yaml` of LiteLLM, and the `.env` of GopherGate, and
tells them apart by their shape. Prints a `gl_config.json` with the providers, models and routers, and what it could
not carry over, with line and key.
"""
