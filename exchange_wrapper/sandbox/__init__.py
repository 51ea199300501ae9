"""A venue on loopback that speaks the Coinbase Exchange protocol, recorded or simulated.

It plays a foreign exchange: nothing else of the package imports it, and it is reached by its REST
and websocket addresses only.
"""

from exchange_wrapper.sandbox.capture import read_capture
from exchange_wrapper.sandbox.faults import Faults
from exchange_wrapper.sandbox.keys import DEMO, Profile, read_profiles
from exchange_wrapper.sandbox.limits import Limits
from exchange_wrapper.sandbox.replay import Replay
from exchange_wrapper.sandbox.server import Addresses, serve
from exchange_wrapper.sandbox.simulation import Simulation

__all__ = [
    "DEMO",
    "Addresses",
    "Faults",
    "Limits",
    "Profile",
    "Replay",
    "Simulation",
    "read_capture",
    "read_profiles",
    "serve",
]
