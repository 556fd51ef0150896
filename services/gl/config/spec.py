"""The schema of gl_config.json, with the rules and warnings that a schema cannot express."""

from __future__ import annotations

from pathlib import Path

from gecholog import bus_section, schema
from gecholog.config import ConfigSpec
from services.gl.config import credential_files, limit_rules, rules, secret_places, target_rules, tls_files, warnings
from services.gl.models import rules as model_rules


def config_spec() -> ConfigSpec:
    """The schema of gl_config.json, with its rules and warnings."""
    file = Path(__file__).parents[1] / "gl_config.schema.json"
    checks = (
        bus_section.rules,
        rules.different_topics,
        tls_files.ingress_files,
        tls_files.outbound_files,
        tls_files.certificates,
        rules.header_lists,
        rules.unique_in_row,
        rules.networks,
        target_rules.urls,
        target_rules.fallbacks,
        target_rules.default_providers,
        target_rules.fetch_images,
        rules.cors,
        rules.redact,
        limit_rules.budgets,
        *model_rules.RULES,
        credential_files.google_files,
    )
    return ConfigSpec(
        schema.load(file),
        checks,
        remaining=(rules.one_path_one_router,),
        warnings=warnings.RULES,
        secret_places=secret_places.places,
        whole_warnings=warnings.WHOLE_RULES,
    )
