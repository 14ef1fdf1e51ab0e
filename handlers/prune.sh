#!/bin/sh
# prune.sh FOLDER: delete from installed packages what no handler reads. tests/handlers/test_images.py runs the handlers without it.
set -eu
cd "$1"
# tests, and what only a compiler reads
find . -type d \( -name tests -o -path ./numpy/_core/include -o -path ./pyarrow/include -o -path ./pyarrow/src -o -path ./torch/include \) -prune -exec rm -rf {} +
find . ! -type d \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.pyi' -o -name '*.a' \) -delete
# of AWS's services: the bucket, and the token service that gives pods their credentials
[ ! -d botocore/data ] || find botocore/data -mindepth 1 -maxdepth 1 -type d ! -name s3 ! -name sts -exec rm -rf {} +
# of Arrow: its RPC framework and its own S3 client
rm -f pyarrow/_flight.* pyarrow/libarrow_flight* pyarrow/libarrow_python_flight* pyarrow/_s3fs.* pyarrow/libarrow_s3*
# copies of Arrow's libraries under the names that a linker looks for; what is loaded is named .so.<version>
rm -f pyarrow/lib*.so.*.*.* pyarrow/libarrow_python.so pyarrow/libarrow_python_parquet_encryption.so
# a test of torch's in the syntax of Python 3.12, which 3.11 cannot compile
rm -f torch/testing/_internal/py312_intrinsics.py
# what builds extensions with an old setuptools
rm -rf numpy/distutils
