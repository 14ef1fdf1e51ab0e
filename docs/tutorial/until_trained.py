"""Waits until a model's newest run has ended: `python docs/tutorial/until_trained.py MODEL`."""

import json
import subprocess
import sys
import time

for _ in range(240):
    told = subprocess.run(["retrain", "list", "-o", "json"], capture_output=True, text=True, check=True).stdout
    runs = [w for w in json.loads(told)["items"] if w["metadata"]["name"].startswith(f"retrain-{sys.argv[1]}-")]
    phases = [(w.get("status") or {}).get("phase") for w in runs]
    if phases and all(phase in ("Succeeded", "Failed", "Error") for phase in phases):
        print(f"{runs[0]['metadata']['name']} {phases[0]}")
        sys.exit(0 if phases[0] == "Succeeded" else 1)
    time.sleep(0.5)
sys.exit("no run has ended in two minutes")
