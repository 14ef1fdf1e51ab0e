#!/bin/sh
# sbom.sh TARGET LAYER...: list the Python packages of a target's layers, in CycloneDX's JSON.
set -eu
target=$1
shift
mkdir -p /sboms
PYTHONPATH=$(printf '/packages/%s:' "$@")
export PYTHONPATH
/sbom/bin/cyclonedx-py environment --output-reproducible --output-format JSON --output-file "/sboms/$target.cdx.json" "$(command -v python)"
