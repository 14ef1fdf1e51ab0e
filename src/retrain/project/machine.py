"""What a model's spec asks of this machine, which has no other to send a pod to."""

from __future__ import annotations

from pathlib import Path

import yaml

from localargo import InvalidInput, machine_memory, parse_quantity


def too_large(file: Path, memory: int = 0) -> str:
    """Which memory the spec asks for that this machine does not have; "" of a spec that asks for none such or cannot be read."""
    memory = memory or machine_memory()
    try:
        resources = yaml.safe_load(file.read_text(encoding="utf-8"))["spec"]["resources"]
        for stage, asked in resources.items():
            wanted = asked.get("memory") or 0
            wanted = wanted["request"] if isinstance(wanted, dict) else wanted
            if parse_quantity(wanted) > memory:
                return f"{file}: resources.{stage}.memory asks for {wanted}, this machine has {memory / 2**30:.3g}Gi"
    except (OSError, UnicodeDecodeError, yaml.YAMLError, InvalidInput, KeyError, TypeError, AttributeError):
        return ""  # what is wrong with a spec is for `retrain lint` to say
    return ""
