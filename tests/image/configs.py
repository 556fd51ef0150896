"""Config files for a container on the network of this machine, where others may have the usual ports."""

from tests.image.engine import Engine
from tests.support.ports import free_port

PORTS = ("4222", "5380", "5381", "5390", "8080")


def put_moved_configs(engine: Engine, volume: str, owner: str) -> dict[str, int]:
    """Put the shipped configs with other ports into a volume. Everybody may read it, and `owner` write to it.

    Returns the new port for each old one.
    """
    ports = {port: free_port() for port in PORTS}
    copied = "cp /opt/gecholog/conf/*.json /opt/gecholog/conf/*.conf /c && rm /c/ginit_nogui_config.json"
    changes = ";".join(rf"s/\b{old}\b/{new}/" for old, new in ports.items())
    moved = f"sed -i '{changes}' /c/*"
    owned = f"chown -R {owner} /c && chmod 755 /c && chmod 644 /c/*"
    engine.once(["sh", "-c", f"{copied} && {moved} && {owned}"], "--user", "0", "--volume", f"{volume}:/c")
    return ports
