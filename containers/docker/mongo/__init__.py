"""MongoDB: the replica set of activation, of three members, or the stand-in where its image cannot be pulled.

| module      | what it holds                                                  |
|-------------|----------------------------------------------------------------|
| members.py  | the parts: which container runs what, and when it is ready     |
| accounts.py | who may do what, as a script for mongosh                       |
| urls.py     | under which address each client reaches it                     |
| entry.sh, group.js | what runs in a member's container                       |
"""

from containers.docker.mongo.members import mongo_parts, role_of
from containers.docker.mongo.urls import capture_url, members_of, observer_url, outside_url, service_url

__all__ = [
    "capture_url",
    "members_of",
    "mongo_parts",
    "observer_url",
    "outside_url",
    "role_of",
    "service_url",
]
