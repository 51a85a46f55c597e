#!/bin/sh
# A client of examples/rpc_service.py that is a shell: arguments and results are JSON, failures exit codes.
set -eu

ntipc rpc describe library | head -n 3
ntipc rpc call library titles
ntipc rpc call library lend '{"title": "Emma", "to": "dora"}'
if reason=$(ntipc rpc call library lend '["Emma", "erik"]' 2>&1); then
    echo "Emma was lent twice" >&2
    exit 1
fi
echo "refused: $(echo "$reason" | head -n 1)"
ntipc rpc call library give_back '["Emma"]'
