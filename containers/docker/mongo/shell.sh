#!/bin/sh
# Runs a script that lies beside this one in mongosh, which first learns the members and the accounts.
# The image's home is mongod's data folder, where mongosh has no business to write its own logs.
here=$(dirname "$0")
export HOME=/tmp
exec mongosh --quiet --norc --nodb "$here"/group.js "$here"/accounts.js "$here/$1"
