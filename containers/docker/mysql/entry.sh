#!/bin/sh
# Runs one MySQL server until it is told to stop. Its data is made at the first start.
# Where group.sh lies beside this script, the server is a member of a group, and group.sh keeps it there.
set -u

here=$(dirname "$0")
data=/var/lib/mysql/data
run=/run/quartet

say() { echo "[entry] $*"; }

# A first start that was cut short leaves no half-made data: the folder gets its name once it is whole.
# The accounts are made in the same go, before there is a binary log that could carry them.
make_data() {
    [ -d "$data" ] && return
    say "first start: making the data folder"
    rm -rf "$data.new"
    mysqld --no-defaults --user=mysql --datadir="$data.new" --loose-innodb-numa-interleave=OFF \
        --initialize-insecure --init-file="$here"/accounts.sql || exit 1
    sync
    mv "$data.new" "$data"
}

prepare_folders() {
    mkdir -p "$run" "$(dirname "$data")"
    # A killed server leaves its socket and lock, and the process number in the lock is soon another's.
    rm -f "$run"/mysqld.*
    chown mysql "$run" "$(dirname "$data")"
}

start_server() {
    rm -f "$run"/mysqld.*
    mysqld --defaults-file="$here"/my.cnf &
    server=$!
}

# `wait` returns early when a signal comes in: go on until the server is gone.
wait_for_server() {
    while kill -0 "$server" 2>/dev/null; do
        wait "$server"
    done
}

stop() {
    stopping=yes
    [ -z "$keeper" ] || kill "$keeper" 2>/dev/null
    kill -TERM "$server" 2>/dev/null
}

stopping=
keeper=
server=
prepare_folders
make_data
trap stop TERM INT
[ -n "$stopping" ] || start_server
if [ -e "$here"/group.sh ]; then
    sh "$here"/group.sh "$run" &
    keeper=$!
fi
while wait_for_server; [ -z "$stopping" ]; do
    # Started again in here and not by Docker: the container keeps its address, so that the other members
    # are refused at once where they would otherwise wait for an answer.
    say "the server has ended: starting it again"
    sleep 1
    [ -n "$stopping" ] || start_server
done
say "stopped"
