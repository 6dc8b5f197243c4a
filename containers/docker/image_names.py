"""The images' names and versions; `images.py` gets or makes them.

Apart from it, so that who only needs a name does not load Docker's client.
"""

DEBIAN = "debian:trixie-slim"
MYSQL = "mysql:9.7"
MONGO = "mongo:8.0"
MONGO_STANDIN = "quartet-airgap/mongo-standin"
KAFKA = "quartet/kafka"
ROUTE = "quartet/route"
SERVICES = "quartet/services"
INBOX = "quartet/inbox"
