"""Hosts on this machine: network namespaces joined by a bridge. They share the file system. Needs root and iproute2."""

import os
import shutil
import subprocess
from contextlib import contextmanager
from itertools import count

NETWORK = "10.213.77"
MADE = count()


class Hosts:
    """The names and addresses of some hosts."""

    def __init__(self, number_of_hosts):
        made = f"{os.getpid()}x{next(MADE)}"  # the kernel may still be taking away the last ones
        self.names = [f"medloc{made}h{number}" for number in range(number_of_hosts)]
        self.addresses = [f"{NETWORK}.{number + 1}" for number in range(number_of_hosts)]
        self.bridge = f"ml{made}"

    def start(self, number, command, **keywords):
        """Start a command on a host."""
        return subprocess.Popen(["ip", "netns", "exec", self.names[number], *command], **keywords)

    def unplug(self, number):
        """Cut a host's cable: nothing is sent to it or from it any more, and nobody is told."""
        ip("link", "set", f"{self.bridge}p{number}", "down")


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def hosts(number_of_hosts):
    """Yield so many hosts; remove them in the end."""
    made = Hosts(number_of_hosts)
    try:
        ip("link", "add", made.bridge, "type", "bridge")
        ip("link", "set", made.bridge, "up")
        for number, (name, address) in enumerate(zip(made.names, made.addresses, strict=True)):
            port = f"{made.bridge}p{number}"
            ip("netns", "add", name)
            ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", port, "master", made.bridge, "up")
            for words in (("link", "set", "lo", "up"), ("addr", "add", f"{address}/24", "dev", "eth0")):
                ip("-n", name, *words)
            ip("-n", name, "link", "set", "eth0", "up")
        yield made
    finally:
        for name in made.names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", made.bridge], check=False, capture_output=True)


def cannot_make_hosts():
    """Return why hosts cannot be made here; "" where they can."""
    if shutil.which("ip") is None:
        return "iproute2 is not installed"
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        with hosts(1):
            return ""
    except subprocess.CalledProcessError as error:
        return f"no network namespaces here: {error.stderr.decode().strip()}"
