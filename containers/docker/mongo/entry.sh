#!/bin/sh
# Runs one member of the replica set. The first start makes the set and its accounts; later ones find them.
# Uses what the image of MongoDB has: sh, gosu, mongod, mongosh.
set -eu

here=$(dirname "$0")
data=/data/db
run=/run/quartet

# mongod refuses a key that others may read, and it must be able to read it itself.
mkdir -p "$run"
cp "$here"/key "$run"/key
chmod 400 "$run"/key
chown mongodb "$run"/key "$data"

# Beside the server, until there is nothing left to do; the server itself is what Docker watches and stops.
keep_trying() {
    until sh "$here"/shell.sh setup.js; do
        sleep 1
    done
}
keep_trying &

exec gosu mongodb mongod --replSet rs0 --keyFile "$run"/key --dbpath "$data" --bind_ip_all --port 27017 \
    --wiredTigerCacheSizeGB 0.25 --oplogSize 256
