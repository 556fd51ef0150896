"""gl's config: gl_config.json, checked, as frozen objects."""

from services.gl.config.build import build
from services.gl.config.config import Config
from services.gl.config.spec import config_spec

__all__ = ["Config", "build", "config_spec"]
