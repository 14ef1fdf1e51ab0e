#!/bin/sh
# layer.sh NAME LOCK: put into /packages/NAME what LOCK has beyond the layers that are in /packages already.
set -eu
PYTHONPATH=$(printf '%s:' /packages/*)
export PYTHONPATH
# pip takes what is on PYTHONPATH for installed, and leaves it out
/pip/bin/pip install --no-deps --require-hashes --only-binary :all: --no-compile --prefix /tmp/layer -r "$2"
mkdir -p /packages
mv /tmp/layer/lib/python*/site-packages "/packages/$1"
sh /build/prune.sh "/packages/$1"
# unchecked: a read-only image never changes, so nothing is gained by looking at each source before its byte-code is used
python -m compileall -q -j 0 --invalidation-mode unchecked-hash "/packages/$1"
