"""The manifests of examples/kubernetes fit what the image and the folder of config files have."""

import re

import pytest
import yaml

from tests.support.pages import ROOT

FOLDER = ROOT / "examples" / "kubernetes"


@pytest.fixture(scope="module")
def manifests():
    """All objects, by kind and name."""
    files = [FOLDER / name for name in ("namespace.yaml", "gecholog.yaml")]
    found = [entry for file in files for entry in yaml.safe_load_all(file.read_text("utf-8"))]
    return {(entry["kind"], entry["metadata"]["name"]): entry for entry in found}


@pytest.fixture(scope="module")
def container(manifests):
    (found,) = manifests["StatefulSet", "gecholog"]["spec"]["template"]["spec"]["containers"]
    return found


def test_every_config_file_is_mounted():
    """A folder that is mounted cannot get the missing ones."""
    (generated,) = yaml.safe_load((FOLDER / "kustomization.yaml").read_text("utf-8"))["configMapGenerator"]
    shipped = {f"conf/{file.name}" for file in (ROOT / "conf").iterdir() if file.is_file()} - {
        "conf/ginit_nogui_config.json"
    }
    assert set(generated["files"]) == shipped


def test_ports_are_exposed_by_the_image(container):
    exposed = re.findall(r"^EXPOSE (.*)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    numbers = {int(number) for line in exposed for number in line.split()}
    assert {port["containerPort"] for port in container["ports"]} <= numbers


def test_services_lead_to_named_ports(manifests, container):
    names = {port["name"] for port in container["ports"]}
    for (kind, name), entry in manifests.items():
        if kind == "Service":
            assert {port["targetPort"] for port in entry["spec"]["ports"]} <= names, name


def test_user_is_that_of_the_image(manifests):
    pod = manifests["StatefulSet", "gecholog"]["spec"]["template"]["spec"]
    assert f"USER {pod['securityContext']['runAsUser']}\n" in (ROOT / "Dockerfile").read_text("utf-8")


def test_probes(container):
    """Calls arrive only while gl serves, a slow start is no reason to kill, and what ginit cannot mend is restarted."""
    startup, ready, alive = (container[f"{name}Probe"] for name in ("startup", "readiness", "liveness"))
    assert startup["httpGet"] == ready["httpGet"] == {"path": "/healthz", "port": "calls"}
    assert alive["exec"]["command"] == ["./healthcheck"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 60
