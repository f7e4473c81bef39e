"""A real SMTP server for the tests of mail: aiosmtpd, with TLS and a login, which keeps what it takes.

server.py FOLDER MODE: the certificate and its key are in FOLDER; MODE is `smtps` or `smtp` (STARTTLS, required).
Each mail becomes a file N.eml there with its envelope before it; `port` is written once it listens.
"""

import asyncio
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

folder, mode = sys.argv[1:]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(os.path.join(folder, "certificate"), os.path.join(folder, "key"))


class Keeper:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        Keeper.count += 1
        name = os.path.join(folder, f"{Keeper.count}")
        head = json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None or mode == "smtps"})
        with open(name, "wb") as file:
            file.write(head.encode() + b"\n" + envelope.original_content)
        os.rename(name, name + ".eml")
        return "250 2.0.0 kept"


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and data == LoginPassword(b"soc@corp.example", b"hunter2-hunter2")
    return AuthResult(success=good, handled=good)


options = {"auth_required": True, "authenticator": authenticate, "hostname": "mail.example"}
if mode == "smtps":
    options |= {"auth_require_tls": False}
else:
    options |= {"tls_context": context, "require_starttls": True}


async def serve():
    implicit = context if mode == "smtps" else None
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Keeper(), **options), "127.0.0.1", 0, ssl=implicit)
    with open(os.path.join(folder, "port.new"), "w") as file:
        file.write(str(server.sockets[0].getsockname()[1]))
    os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
    # It ends with the test that has started it, however that ends.
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(serve())
