#!/usr/bin/env python3
"""openssl s_server and s_client, unmodified, on two machines."""
from lab.cases import main
from lab.ends import ToolPair
from lab.pairing import Pairing, PairingTests


class OpensslTool(PairingTests, ToolPair, Pairing):
    pass


if __name__ == "__main__":
    main()
