#!/usr/bin/env python3
"""Node, unmodified, with an OpenSSL 3 of its own inside: the module must bind to that one or refuse."""
from lab import node
from lab.cases import main
from lab.debian_node import other_node
from lab.pairing import Pairing, PairingTests


class NodeWithItsOwnOpenssl(PairingTests, node.NodePair, Pairing):
    installation = staticmethod(other_node)


if __name__ == "__main__":
    main()
