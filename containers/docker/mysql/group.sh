#!/bin/sh
#   group.sh FOLDER     (for what it has seen; lost with the container)
# Keeps this server in its group, through a first start, the return of one member and that of all.
#
# While this member is out of the group:
#   a peer belongs to a majority           -> join it
#   a peer is joining, or does not answer  -> wait: the group may live there
#   all answer, and none is in a group     -> the member that holds every transaction of the others begins
#                                             the group anew; of equals, the first by name
#   nobody holds them all                  -> say so and wait: only a person can tell what may be lost
# A member that never comes back therefore keeps the others waiting after all have died: it may hold
# transactions that were acknowledged and that they never got.
set -u

here=$(dirname "$0")
seen=$1/seen
me=$(cat "$here"/member)
members=$(cat "$here"/members)

say() { echo "[group] $*"; }

# Passwords are in files that only name a client's options: never in the list of processes.
ask_me() { mysql --defaults-file="$here"/root.cnf --skip-column-names --connect-timeout=2 2>/dev/null; }
ask_peer() {
    mysql --defaults-file="$here"/peer.cnf --host="$1" --skip-column-names --connect-timeout=1 2>/dev/null
}

# One line: state, members ONLINE, members in its view, transactions executed or received (no blanks).
# A received transaction may have been acknowledged, although this member has not carried it out yet.
report() {
    cat <<'SQL'
SELECT COALESCE(MAX(IF(member_id = @@server_uuid, member_state, NULL)), 'OFFLINE'),
       COALESCE(SUM(member_state = 'ONLINE'), 0),
       COUNT(*),
       REPLACE(REPLACE(CONCAT('set:', @@global.gtid_executed, ',', COALESCE((
           SELECT received_transaction_set FROM performance_schema.replication_connection_status
            WHERE channel_name = 'group_replication_applier'), '')), '\n', ''), ' ', '')
  FROM performance_schema.replication_group_members;
SQL
}

# All at once: a member that is gone costs its time-out only once.
look_around() {
    for member in $members; do
        if [ "$member" = "$me" ]; then
            report | ask_me >"$seen/$member" &
        else
            report | ask_peer "$member" >"$seen/$member" &
        fi
    done
    wait
}

field() { cut -f "$2" "$seen/$1"; }
transactions_of() { field "$1" 4 | sed 's/^set://'; }
answers() { [ -s "$seen/$1" ]; }

belongs_to_majority() {
    [ "$(field "$1" 1)" = ONLINE ] && [ $(($(field "$1" 2) * 2)) -gt "$(field "$1" 3)" ]
}

holds_all_of() {
    [ "$(echo "SELECT GTID_SUBSET('$(transactions_of "$2")', '$(transactions_of "$1")')" | ask_me)" = 1 ]
}

# Prints the member that may begin the group; fails when nobody may.
richest() {
    for candidate in $members; do
        for other in $members; do
            holds_all_of "$candidate" "$other" || continue 2
        done
        echo "$candidate"
        return
    done
    return 1
}

join_group() {
    say "the group lives at $1: joining it"
    { echo "STOP GROUP_REPLICATION;"; cat "$here"/join.sql; } | ask_me || say "not joined yet"
}

begin_group() {
    say "no group anywhere, every member answers, and nobody has more than this one: beginning it"
    {
        echo "STOP GROUP_REPLICATION; SET GLOBAL group_replication_bootstrap_group = ON;"
        cat "$here"/join.sql
    } | ask_me || say "the group could not be begun"
    echo "SET GLOBAL group_replication_bootstrap_group = OFF;" | ask_me
}

# Says a thing once, not each second.
complain() {
    [ "$complaint" = "$*" ] || say "$*"
    complaint=$*
}

decide() {
    absent=
    for member in $members; do
        [ "$member" = "$me" ] && continue
        if ! answers "$member"; then
            absent="$absent $member"
        elif belongs_to_majority "$member"; then
            join_group "$member"
            return
        elif [ "$(field "$member" 1)" != OFFLINE ] && [ "$(field "$member" 1)" != ERROR ]; then
            return
        fi
    done
    if [ -n "$absent" ]; then
        complain "no group: waiting for$absent"
    elif ! first=$(richest); then
        complain "DIVERGED: no member holds every transaction of the others; a person has to choose"
    elif [ "$first" = "$me" ]; then
        begin_group
    fi
}

# Not every image's sleep knows fractions of a second.
pause() { sleep "$1" 2>/dev/null || sleep 1; }

complaint=
mkdir -p "$seen"
while pause 0.3; do
    report | ask_me >"$seen/$me"
    answers "$me" || continue
    case $(field "$me" 1) in
        ONLINE | RECOVERING)
            complaint=
            pause 1
            continue
            ;;
    esac
    look_around
    answers "$me" && decide
done
