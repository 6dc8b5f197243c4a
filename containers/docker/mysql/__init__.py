"""MySQL: the group of three behind its route (sign-up), and the two single servers (login, reset-password).

| module      | what it holds                                                       |
|-------------|---------------------------------------------------------------------|
| servers.py  | the parts: which container runs what                                |
| accounts.py | who may do what on which server, as SQL                             |
| route.py    | HAProxy's configuration, with the check that finds the primary      |
| entry.sh, group.sh, server.cnf, group.cnf | what runs in a server's container     |
"""

from containers.docker.mysql.servers import group_parts, route_part, server_part

__all__ = ["group_parts", "route_part", "server_part"]
