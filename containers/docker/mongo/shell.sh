#!/bin/sh
# Runs a script that lies beside this one in mongosh, which first learns the members and the accounts.
here=$(dirname "$0")
exec mongosh --quiet --norc --nodb "$here"/group.js "$here"/accounts.js "$here/$1"
